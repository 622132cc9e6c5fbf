/** The workspace session a page is for, which it names with all it asks for; undefined until it knows. */
export interface PageSession {
    readonly session: string | undefined;
    /** The page is for that session from now on, and when it is loaded again. */
    adopt(session: string): void;
}
