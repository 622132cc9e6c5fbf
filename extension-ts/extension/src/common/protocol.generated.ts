// Generated from the OpenRPC document by `make types`. Do not edit.

export interface Change {
    type: ChangeType;
    path: string;
}

/** The numbers of Theia's FileChangeType. */
export type ChangeType = 0 | 1 | 2;

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
