/** In a Theia with a Node backend; see docs/stock-theia.md. The scheme of the server's files there. */
export const BRIDGE_SCHEME = 'bridge';

/** Below the application's address, what the Node backend answers in the server's place. */
export const BRIDGE_PATH = 'bridge/';

/** There: whose access it is and when it ends (GET); a newer token for it (POST). */
export const ACCESS_PATH = 'access';

export interface AccessAnswer {
    readonly user: string;
    readonly session: string;
    /** Seconds left, and of how many. */
    readonly expires_in: number;
    readonly lifetime: number;
    /** Whose pages may show this one in a frame, and renew the access. */
    readonly origins: readonly string[];
}
