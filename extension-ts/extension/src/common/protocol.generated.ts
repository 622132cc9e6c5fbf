// Generated from the OpenRPC document by `make types`. Do not edit.

export interface CancelSearchParams {
    searchId: string;
}

export interface Change {
    type: ChangeType;
    path: string;
}

/** The numbers of Theia's FileChangeType. */
export type ChangeType = 0 | 1 | 2;

/** A line near a match; `line` counts from 1. */
export interface ContextLine {
    line: number;
    text: string;
}

export interface CreateDirectoryParams {
    path: string;
    idempotencyKey?: string | null;
}

/** `use_trash` is accepted and has no effect yet. */
export interface DeleteParams {
    path: string;
    recursive?: boolean;
    useTrash?: boolean;
    idempotencyKey?: string | null;
}

/** Changes below a watched path, in commit order. `cursor` resumes the watch behind them. */
export interface DidChange {
    watchId: string;
    cursor: string;
    changes: Array<Change>;
}

/** Some of what a search has found; each file comes once. */
export interface DidFind {
    searchId: string;
    files: Array<FileMatches>;
}

/**
 * A search has ended by itself.
 *
 * `limit_hit`: there may be more than was told. `skipped`: files whose text is not searched though they may
 * be text, because they are very large or have a very long line. `error`: why it could not be (fully) done,
 * for a person.
 */
export interface DidFinish {
    searchId: string;
    limitHit: boolean;
    skipped: number;
    error: string | null;
}

/**
 * A folder's entries, ordered by the UTF-8 bytes of their names.
 *
 * `next` is what to give as `after` for the next page; None behind the last entry.
 */
export interface Directory {
    entries: Array<DirectoryEntry>;
    next: string | null;
}

export interface DirectoryEntry {
    name: string;
    stat: Stat;
}

/** `content` is the range asked for; `size` is that of the whole file. */
export interface FileContent {
    content: Uint8Array;
    etag: string;
    size: number;
}

/** All matches in a file, in order. */
export interface FileMatches {
    path: string;
    matches: Array<Match>;
    context: Array<ContextLine>;
}

/** Absolute paths, the best match first. `limit_hit`: there are more. */
export interface FoundFiles {
    paths: Array<string>;
    limitHit: boolean;
}

/**
 * A match. `line`, `character` and `text_character` count from 1, characters and `length` in UTF-16 code
 * units. `text` is the line, or of a long one what is around the match, which begins at `text_character`.
 */
export interface Match {
    line: number;
    character: number;
    length: number;
    text: string;
    textCharacter: number;
}

export interface MoveParams {
    source: string;
    target: string;
    overwrite?: boolean;
    idempotencyKey?: string | null;
}

export interface PathParams {
    path: string;
}

/** The server's clock, in milliseconds since 1970. */
export interface Pong {
    time: number;
}

/** How far some work is; the client knows by `token` which. */
export interface Progress {
    token: string | number;
    /** Any value. */
    value: unknown;
}

/** What is kept and what may be: bytes, and the number of files and folders; a limit of 0 is none. */
export interface Quota {
    bytes: number;
    files: number;
    bytesLimit: number;
    filesLimit: number;
}

/** With `limit` the answer is a page: at most so many entries, whose names come behind `after`. */
export interface ReadDirectoryParams {
    path: string;
    limit?: number | null;
    after?: string;
}

/** `offset` and `length` are in bytes; without `length` the file is read to its end. */
export interface ReadFileParams {
    path: string;
    offset?: number;
    length?: number | null;
}

export interface RenewParams {
    token: string;
}

/** When the channel will be closed unless it is renewed again, in milliseconds since 1970. */
export interface Renewed {
    expiresAt: number;
}

export interface Search {
    searchId: string;
}

/**
 * Finds files whose paths have all parts of `pattern`, which are between white space; with `fuzzy` also
 * those that have the letters of each part in order. An empty pattern, or `*`, finds all.
 *
 * `includes` and `excludes` are globs as in .gitignore, relative to each root.
 */
export interface SearchFilesParams {
    pattern: string;
    roots?: Array<string>;
    limit?: number;
    includes?: Array<string>;
    excludes?: Array<string>;
    useGitIgnore?: boolean;
    fuzzy?: boolean;
}

/**
 * Searches the text of files for a literal text, or for a regular expression in the syntax of ripgrep.
 *
 * `multiline` lets a match go over several lines. `context` lines are told before and after each match.
 * `limit` is in matches, `max_file_size` in bytes. `includes` and `excludes` are globs as in .gitignore,
 * relative to each root. What .gitignore excludes is left out unless `use_git_ignore` is false.
 */
export interface SearchTextParams {
    pattern: string;
    roots?: Array<string>;
    regex?: boolean;
    matchCase?: boolean;
    wholeWord?: boolean;
    multiline?: boolean;
    includes?: Array<string>;
    excludes?: Array<string>;
    useGitIgnore?: boolean;
    context?: number;
    limit?: number;
    maxFileSize?: number;
}

/** What is known of a file or folder. Times are milliseconds since 1970; `size` is in bytes. */
export interface Stat {
    type: 'directory' | 'file' | 'symlink';
    size: number;
    ctime: number;
    mtime: number;
    etag: string;
    readonly: boolean;
}

export interface UnwatchParams {
    watchId: string;
}

export interface Watch {
    watchId: string;
    cursor: string;
}

/** `excludes` are globs relative to `path`. With a `cursor`, changes since it are delivered first. */
export interface WatchParams {
    path: string;
    recursive?: boolean;
    excludes?: Array<string>;
    cursor?: string | null;
}

/**
 * The session this channel works on, and who is working.
 *
 * `max_frame` is the size in bytes of the largest frame the server takes, and so bounds what can be saved.
 */
export interface WorkspaceInfo {
    session: string;
    sessionName: string;
    user: string;
    userName: string;
    roots: Array<string>;
    maxFrame: number;
}

/**
 * `session` is of `/workspace`, `user` of `/home`, `tenant` of all sessions and homes together.
 *
 * What is in the trash counts; earlier contents of files do not.
 */
export interface WorkspaceUsage {
    session: Quota;
    user: Quota;
    tenant: Quota;
}

/**
 * Writes a whole file.
 *
 * `create` allows making it, `overwrite` allows replacing it. `if_match` is the etag the file must still
 * have, else the answer is Conflict. A write repeated with the same `idempotency_key` is applied once.
 */
export interface WriteFileParams {
    path: string;
    content: Uint8Array;
    create?: boolean;
    overwrite?: boolean;
    ifMatch?: string | null;
    idempotencyKey?: string | null;
}

/** Parameters and result of every method, by its name. */
export interface Methods {
    /** Keeps the channel open past its token's end, with a newer token of the same sign-in. */
    'auth.renew': { params: RenewParams; result: Renewed };
    /** Copies a file or folder, at once; contents are shared, not copied. */
    'fs.copy': { params: MoveParams; result: Stat };
    /** Makes one folder in a folder that exists. */
    'fs.createDirectory': { params: CreateDirectoryParams; result: Stat };
    /** Deletes a file, or a folder and with `recursive` all in it. */
    'fs.delete': { params: DeleteParams; result: null };
    /** The entries of a folder with what is known of each; with `limit`, a page of them. */
    'fs.readDirectory': { params: ReadDirectoryParams; result: Directory };
    /** A file's content, or a range of it. */
    'fs.readFile': { params: ReadFileParams; result: FileContent };
    /** Moves a file or folder to another name, folder or root, at once. */
    'fs.rename': { params: MoveParams; result: Stat };
    /** What is known of a file or folder. */
    'fs.stat': { params: PathParams; result: Stat };
    /** Ends a watch. */
    'fs.unwatch': { params: UnwatchParams; result: null };
    /** Notifies of changes by `fs.didChange`, from the cursor on, or from now. */
    'fs.watch': { params: WatchParams; result: Watch };
    /** Writes a whole file at once; answers when it is durable. */
    'fs.writeFile': { params: WriteFileParams; result: Stat };
    /** The OpenRPC document of this server. */
    'rpc.discover': { params: undefined; result: Record<string, unknown> };
    /** Tells that the channel works, and the server's time. */
    'rpc.ping': { params: undefined; result: Pong };
    /** Ends a text search, of which nothing more is told. */
    'search.cancel': { params: CancelSearchParams; result: null };
    /** Files whose paths match a pattern, ranked as in Theia's quick open. */
    'search.files': { params: SearchFilesParams; result: FoundFiles };
    /** Begins a text search; what it finds comes as `search.didFind`, its end as `search.didFinish`. */
    'search.text': { params: SearchTextParams; result: Search };
    /** The session this channel works on, and who is working. */
    'workspace.info': { params: undefined; result: WorkspaceInfo };
    /** How much the session, the user and the tenant keep, and how much they may. */
    'workspace.usage': { params: undefined; result: WorkspaceUsage };
}

/** Parameters of every notification the server sends, by its name. */
export interface Notifications {
    /** How far a long piece of work is. */
    '$/progress': Progress;
    /** Changes below a watched path, in commit order. */
    'fs.didChange': DidChange;
    /** Some of what a text search has found. */
    'search.didFind': DidFind;
    /** A text search has ended by itself. */
    'search.didFinish': DidFinish;
}

/** `data.kind` of an error. */
export type ErrorKind =
    | 'BatchTooLarge'
    | 'Cancelled'
    | 'Conflict'
    | 'ContentDamaged'
    | 'CursorExpired'
    | 'DirectoryNotEmpty'
    | 'Exists'
    | 'FileExists'
    | 'FileIsADirectory'
    | 'FileNotADirectory'
    | 'FileNotFound'
    | 'FileTooLarge'
    | 'Internal'
    | 'InvalidFields'
    | 'InvalidParams'
    | 'InvalidPath'
    | 'InvalidPattern'
    | 'InvalidRequest'
    | 'MethodNotFound'
    | 'NoPermissions'
    | 'NotFound'
    | 'OriginRejected'
    | 'ParseError'
    | 'QuotaExceeded'
    | 'TooManyAttempts'
    | 'Unauthorized'
    | 'Unavailable'
    ;
