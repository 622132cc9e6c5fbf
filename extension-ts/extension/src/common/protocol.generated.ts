// Generated from the server's OpenRPC document. Do not edit.

export type FileType = 'file' | 'directory' | 'symlink';

/** What is known of a file or folder. Times are milliseconds since 1970; `size` is in bytes. */
export interface Stat {
    type: FileType;
    size: number;
    ctime: number;
    mtime: number;
    etag: string;
    readonly?: boolean;
}

export interface PathParams {
    path: string;
}

export interface DirectoryEntry {
    name: string;
    stat: Stat;
}

/** A folder's entries, ordered by the UTF-8 bytes of their names. */
export interface Directory {
    entries: DirectoryEntry[];
}

/** `offset` and `length` are in bytes; without `length` the file is read to its end. */
export interface ReadFileParams {
    path: string;
    offset?: number;
    length?: number | null;
}

/** `content` is the range asked for; `size` is that of the whole file. */
export interface FileContent {
    content: Uint8Array;
    etag: string;
    size: number;
}

/** Writes a whole file. */
export interface WriteFileParams {
    path: string;
    content: Uint8Array;
    create?: boolean;
    overwrite?: boolean;
    ifMatch?: string | null;
    idempotencyKey?: string | null;
}

export interface CreateDirectoryParams {
    path: string;
    idempotencyKey?: string | null;
}

/** `useTrash` is accepted and has no effect yet. */
export interface DeleteParams {
    path: string;
    recursive?: boolean;
    useTrash?: boolean;
    idempotencyKey?: string | null;
}

export interface MoveParams {
    source: string;
    target: string;
    overwrite?: boolean;
    idempotencyKey?: string | null;
}

/** `excludes` are glob patterns relative to `path`. With a `cursor`, changes since it are delivered first. */
export interface WatchParams {
    path: string;
    recursive?: boolean;
    excludes?: string[];
    cursor?: string | null;
}

export interface Watch {
    watchId: string;
    cursor: string;
}

export interface UnwatchParams {
    watchId: string;
}

/** The numbers of Theia's FileChangeType. */
export type ChangeType = 0 | 1 | 2;

export interface Change {
    type: ChangeType;
    path: string;
}

/** Changes below a watched path, in commit order. `cursor` resumes the watch behind them. */
export interface DidChange {
    watchId: string;
    cursor: string;
    changes: Change[];
}

export interface RenewParams {
    token: string;
}

/** When the channel will be closed unless it is renewed again, in milliseconds since 1970. */
export interface Renewed {
    expiresAt: number;
}

/** The session this channel works on, and who is working. */
export interface WorkspaceInfo {
    session: string;
    sessionName: string;
    user: string;
    userName: string;
    roots: string[];
}

export interface Methods {
    'auth.renew': { params: RenewParams; result: Renewed };
    'fs.copy': { params: MoveParams; result: Stat };
    'fs.createDirectory': { params: CreateDirectoryParams; result: Stat };
    'fs.delete': { params: DeleteParams; result: null };
    'fs.readDirectory': { params: PathParams; result: Directory };
    'fs.readFile': { params: ReadFileParams; result: FileContent };
    'fs.rename': { params: MoveParams; result: Stat };
    'fs.stat': { params: PathParams; result: Stat };
    'fs.unwatch': { params: UnwatchParams; result: null };
    'fs.watch': { params: WatchParams; result: Watch };
    'fs.writeFile': { params: WriteFileParams; result: Stat };
    'rpc.ping': { params: Record<string, never>; result: unknown };
    'workspace.info': { params: Record<string, never>; result: WorkspaceInfo };
}

export interface Notifications {
    'fs.didChange': DidChange;
}
