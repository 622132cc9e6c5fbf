// Generated from the OpenRPC document by `make types`. Do not edit.

/** `model` is empty for the server's default. `tools` are names of those it may call. */
export interface AgentInfo {
    id: string;
    name: string;
    description: string;
    prompt: string;
    model: string;
    tools: Array<string>;
    updatedAt: number;
}

/** Agents of the tenant by name. */
export interface AgentList {
    agents: Array<AgentInfo>;
    next: string | null;
}

export interface AgentListParams {
    limit?: number;
    after?: string | null;
}

/**
 * A window. `window` is an id it has chosen for itself, and keeps when it connects again; `age` is for
 * how many milliseconds it has been open; `file` is the path of the file that is looked at, "" for none.
 */
export interface AttendParams {
    window: string;
    age: number;
    file?: string;
}

/**
 * What was measured of the tenant's calls on one gateway, which `gateway` tells apart from others.
 *
 * `startedAt` and `endsAt`, when it ends by itself, are in milliseconds since 1970; null if nothing is
 * measured.
 */
export interface CallsTrace {
    gateway: string;
    running: boolean;
    startedAt: number | null;
    endsAt: number | null;
    sample: number;
    methods: Array<MethodTrace>;
    slowest: Array<SlowCallTrace>;
}

export interface CancelSearchParams {
    searchId: string;
}

export interface Change {
    type: ChangeType;
    path: string;
}

/** The numbers of Theia's FileChangeType. */
export type ChangeType = 0 | 1 | 2;

/**
 * A chat without its messages.
 *
 * `etag` is of `title`, `agent` and `metadata` alone: a message more does not change it. `metadata` is the
 * text of a JSON object. Times are milliseconds since 1970; `size` is bytes of all messages.
 */
export interface Chat {
    id: string;
    session: string;
    title: string;
    agent: string | null;
    metadata: string;
    etag: string;
    createdAt: number;
    updatedAt: number;
    messages: number;
    size: number;
}

/** A page of a chat's messages, from the first on, with some 1 MiB. `next` is null with the last page. */
export interface ChatContent {
    chat: Chat;
    messages: Array<ChatMessage>;
    next: string | null;
}

/** The last changed first. `next` is null with the last page. */
export interface ChatIndex {
    chats: Array<Chat>;
    next: string | null;
}

/**
 * Those of the session `session`, which without it is that of the channel; or of `allSessions`.
 *
 * `q` is a text that the title or a message has, in whatever case; a page may then be short, or empty,
 * though `next` leads on. `after` is the `next` of the page before.
 */
export interface ChatIndexParams {
    session?: string | null;
    allSessions?: boolean;
    q?: string | null;
    limit?: number;
    after?: string | null;
}

/** A message. `position` is its place, which stays: 0 for the first. `data` is JSON text. */
export interface ChatMessage {
    id: string;
    position: number;
    role: 'assistant' | 'system' | 'tool' | 'user';
    content: string;
    data: string;
    model: string | null;
    parent: string | null;
    etag: string;
    createdAt: number;
    updatedAt: number;
}

export interface ChatParams {
    id: string;
}

/** `known` has etags by the ids of messages: those that have these etags still are left out. */
export interface ChatReadParams {
    id: string;
    known?: Record<string, string>;
    limit?: number;
    after?: string | null;
}

/**
 * `title`, `agent` and `metadata` are left as they are when they are left out.
 *
 * `ifMatch` is the etag of these three, needed when they change; without it, there is no such chat yet.
 * `messages` are those that are new or have changed, at most 200 and 8 MiB of them together.
 */
export interface ChatStoreParams {
    id: string;
    title?: string;
    agent?: string | null;
    metadata?: string;
    ifMatch?: string | null;
    messages?: Array<StoredMessage>;
}

/** `etags` are those of the messages that were given, by their ids. */
export interface ChatStored {
    chat: Chat;
    etags: Record<string, string>;
}

/** `deleted` chats can be restored. */
export interface Cleared {
    deleted: number;
}

/** `signal` is what its program is sent; one that goes on for two seconds is killed. */
export interface CloseTerminalParams {
    id: string;
    signal?: 'SIGHUP' | 'SIGINT' | 'SIGKILL' | 'SIGQUIT' | 'SIGTERM';
}

/**
 * `completionId` is the client's, and names this completion in `chat.didDelta`.
 *
 * `agent` is the id or the name of an agent of the tenant: its prompt comes first, its model answers unless
 * one is named, and of the tools only its own are offered. `conversation` and `request` say in the audit
 * what it was for.
 */
export interface CompleteParams {
    completionId: string;
    messages: Array<CompletionMessage>;
    model?: string | null;
    agent?: string | null;
    tools?: Array<Tool>;
    settings?: CompletionSettings;
    conversation?: string | null;
    request?: string | null;
}

/** How a completion has ended; what was said came before, as `chat.didDelta`. */
export interface Completion {
    model: string;
    finish: 'contentFilter' | 'length' | 'stop' | 'toolCalls';
    usage: TokenUsage;
}

/** `images` are `data:` URLs. `toolCallId` is of the call that a message of the role `tool` answers. */
export interface CompletionMessage {
    role: 'assistant' | 'system' | 'tool' | 'user';
    content?: string;
    images?: Array<string>;
    toolCalls?: Array<ToolCall>;
    toolCallId?: string | null;
}

/**
 * How the model is to answer; each is left to the model without it.
 *
 * `json` asks for a JSON object, `schema` for one of that JSON Schema.
 */
export interface CompletionSettings {
    temperature?: number | null;
    topP?: number | null;
    maxOutputTokens?: number | null;
    stop?: Array<string>;
    reasoning?: 'high' | 'low' | 'medium' | 'minimal' | null;
    json?: boolean;
    schema?: Record<string, unknown> | null;
}

/** A line near a match; `line` counts from 1. */
export interface ContextLine {
    line: number;
    text: string;
}

export interface CreateDirectoryParams {
    path: string;
    mode?: number | null;
    idempotencyKey?: string | null;
}

export interface CreateSessionParams {
    name: string;
    tags?: Array<string>;
    description?: string;
}

/** `target` is kept as given: absolute or relative, there or not. */
export interface CreateSymlinkParams {
    path: string;
    target: string;
    idempotencyKey?: string | null;
}

/**
 * Runs the shell of `profile`, or the default one; or `command` with `args` instead.
 *
 * `env` is added to the environment; null takes a variable away. `cwd` is absolute, and `/workspace` if it
 * is not given.
 */
export interface CreateTerminalParams {
    profile?: string | null;
    command?: string | null;
    args?: Array<string> | null;
    cwd?: string | null;
    env?: Record<string, string | null>;
    cols?: number;
    rows?: number;
    title?: string | null;
}

/** With `useTrash` it can be had again by `trash.restore`. `ifMatch` is the etag it must still have. */
export interface DeleteParams {
    path: string;
    recursive?: boolean;
    useTrash?: boolean;
    ifMatch?: string | null;
    idempotencyKey?: string | null;
}

/**
 * What has changed below a watched path. `cursor` resumes the watch behind it.
 *
 * There is one change for each path: what was added and deleted again is `deleted`, what was deleted and
 * added again `updated`; nothing is told of what was in a folder that is `deleted`. There may be none: then
 * only the cursor is new.
 */
export interface DidChange {
    watchId: string;
    cursor: string;
    changes: Array<Change>;
}

/** A chat of the session was changed. Without an `id`, more have changed than are told: read the index. */
export interface DidChangeChat {
    id: string | null;
    change: 'deleted' | 'restored' | 'stored';
}

/** The next piece of what a model says, thinks, and calls. */
export interface DidDelta {
    completionId: string;
    text: string;
    thinking: string;
    toolCalls: Array<ToolCallDelta>;
}

/** Some of what a search has found; each file comes once. */
export interface DidFind {
    searchId: string;
    files: Array<FileMatches>;
}

/**
 * A search has ended by itself.
 *
 * `limitHit`: there may be more than was told. `skipped`: files whose text is not searched though they may
 * be text, because they are very large or have a very long line.
 */
export interface DidFinish {
    searchId: string;
    limitHit: boolean;
    skipped: number;
    error: SearchError | null;
}

/**
 * A page of a folder's entries, ordered by the UTF-8 bytes of their names.
 *
 * `next` is what to give as `after` for the next page; null with the last one.
 */
export interface Directory {
    entries: Array<DirectoryEntry>;
    next: string | null;
}

export interface DirectoryEntry {
    name: string;
    stat: Stat;
}

/** How many things left the trash for good. */
export interface Emptied {
    items: number;
}

/** `content` is the range asked for; `size` is that of the whole file. */
export interface FileContent {
    content: Uint8Array;
    etag: string;
    size: number;
}

/** The earlier contents of a file that are kept, the newest first; the present one is not among them. */
export interface FileHistory {
    versions: Array<FileVersion>;
}

/** All matches in a file, in order. */
export interface FileMatches {
    path: string;
    matches: Array<Match>;
    context: Array<ContextLine>;
}

/** An earlier content of a file. `savedAt` is when it was written, in milliseconds since 1970. */
export interface FileVersion {
    version: string;
    savedAt: number;
    size: number;
    etag: string;
}

/** Without `name` it is that of the session with "(fork)" behind it. */
export interface ForkSessionParams {
    session: string;
    name?: string | null;
}

/** Absolute paths, the best match first. `limitHit`: there are more. */
export interface FoundFiles {
    paths: Array<string>;
    limitHit: boolean;
}

/**
 * A language that the session has a server for; its messages are on the socket `/ws/lsp/{id}`.
 *
 * `servers` is how many run, one for each socket. `failed`: the last one has ended by itself, and `error`
 * tells why; `crashes` is how many did so in succession.
 */
export interface Language {
    id: string;
    state: 'failed' | 'running' | 'stopped';
    servers: number;
    crashes: number;
    error: string | null;
}

/** A server has begun or ended. */
export interface LanguageDidChange {
    language: Language;
}

/** All of them. */
export interface LanguageList {
    languages: Array<Language>;
}

/**
 * Which of the caller's sessions.
 *
 * `search` keeps those that have all its words in their name, tags or description; `tag` those with that
 * tag; `parent` the forks of one session, the newest first. `deleted` tells of those in the trash instead,
 * the last deleted first. With any of these a page may be short, or empty, though more follow: see `next`.
 */
export interface ListSessionsParams {
    search?: string;
    tag?: string | null;
    parent?: string | null;
    deleted?: boolean;
    sort?: 'created' | 'name' | 'used';
    limit?: number;
    after?: string | null;
}

/**
 * A match. `line`, `character` and `textCharacter` count from 1, characters and `length` in UTF-16 code
 * units. `text` is the line, or of a long one what is around the match, which begins at `textCharacter`.
 */
export interface Match {
    line: number;
    character: number;
    length: number;
    text: string;
    textCharacter: number;
}

/**
 * The calls of a method; `method` is "" for calls of none, and for frames that were no call.
 *
 * `p50`, `p95` and `p99` are milliseconds within which that part of the `sampled` calls was answered, at
 * most 9 % too high; null without any. `bytesIn` are of params, `bytesOut` of answers.
 */
export interface MethodTrace {
    method: string;
    calls: number;
    errors: number;
    inFlight: number;
    sampled: number;
    p50: number | null;
    p95: number | null;
    p99: number | null;
    bytesIn: number;
    bytesOut: number;
}

/** `path` was changed on both sides at once: it has the newer text now, and `kept` has the older one. */
export interface MirrorConflict {
    path: string;
    kept: string;
}

/** What is at `path` is on one side only, for a reason; it is tried again from time to time. */
export interface MirrorRefusal {
    path: string;
    reason: string;
}

/** All from before the call is on both sides now, but for `refused` things; `refusals` tells of some. */
export interface MirrorSettled {
    refused: number;
    refusals: Array<MirrorRefusal>;
}

export interface ModelInfo {
    id: string;
    default: boolean;
}

/** `budget` is null if there is none. */
export interface ModelList {
    models: Array<ModelInfo>;
    budget: TokenBudget | null;
}

/** `ifMatch` is the etag that `source` must still have. */
export interface MoveParams {
    source: string;
    target: string;
    overwrite?: boolean;
    ifMatch?: string | null;
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

/** The entries whose names come behind `after`; at most `limit`, and never more than 2,000. */
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

/** `offset` and `length` as in `fs.readFile`. */
export interface ReadVersionParams {
    path: string;
    version: string;
    offset?: number;
    length?: number | null;
}

/** `score` is from 0 to 1; the weightiest of the `reasons` is first. */
export interface RelatedSession {
    session: Session;
    score: number;
    reasons: Array<SessionReason>;
}

/** The most alike first. */
export interface RelatedSessions {
    items: Array<RelatedSession>;
}

export interface RelatedSessionsParams {
    session: string;
    limit?: number;
}

export interface RenameTerminalParams {
    id: string;
    title: string;
}

export interface RenewParams {
    token: string;
}

/** When the channel will be closed unless it is renewed again, in milliseconds since 1970. */
export interface Renewed {
    expiresAt: number;
}

export interface ResizeTerminalParams {
    id: string;
    cols: number;
    rows: number;
}

/** `ifMatch` is the etag the file must still have. */
export interface RestoreParams {
    path: string;
    version: string;
    ifMatch?: string | null;
    idempotencyKey?: string | null;
}

/** Where it is now. */
export interface Restored {
    path: string;
    stat: Stat;
}

/**
 * How a runtime is.
 *
 * `mirror` is `live` once the disk is equal to the store and kept so. `started` is in milliseconds since
 * 1970, `terminals` is how many are open, `languages` those whose servers run.
 */
export interface RuntimeStatus {
    mirror: 'failed' | 'live' | 'off' | 'syncing';
    started: number;
    terminals: number;
    languages: Array<string>;
}

export interface Search {
    searchId: string;
}

/** Why a search was not, or not fully, done: a kind as of answers, and a sentence for a person. */
export interface SearchError {
    kind: string;
    message: string;
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
 * `limit` is in matches, `maxFileSize` in bytes. `includes` and `excludes` are globs as in .gitignore,
 * relative to each root. What .gitignore excludes is left out unless `useGitIgnore` is false.
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

/**
 * One of the caller's sessions. Times are milliseconds since 1970.
 *
 * `usedAt` is when it was last signed in to or opened, `updatedAt` when its name, tags or description
 * last changed. `parent` is the session it was forked from, which may be gone. `bytes` and `files` are what
 * is kept in its `/workspace`, its trash included; files, folders and links count.
 */
export interface Session {
    id: string;
    name: string;
    tags: Array<string>;
    description: string;
    createdAt: number;
    usedAt: number;
    updatedAt: number;
    parent: string | null;
    forkedAt: number | null;
    deletedAt: number | null;
    bytes: number;
    files: number;
}

/** `next` is to be given as `after` for the following page; null on the last one. */
export interface SessionList {
    items: Array<Session>;
    next: string | null;
}

export interface SessionParams {
    session: string;
}

/** Why two sessions belong together: `detail` is what they have in common, `score` how much (0 to 1). */
export interface SessionReason {
    kind: 'contents' | 'fork' | 'tags' | 'words';
    detail: string;
    score: number;
}

/**
 * A window in which the session is open: its own id, and whose it is.
 *
 * `agent` is the browser as it calls itself; `since` is when it was opened, in milliseconds since 1970;
 * `file` is the path of the file that is looked at, "" for none.
 */
export interface SessionWindow {
    window: string;
    user: string;
    userName: string;
    agent: string;
    since: number;
    file: string;
}

/** It does not say what has changed: list them anew. */
export interface SessionsChanged {
}

/** `readonly` takes everybody's right to write a file, or gives it to the owner. */
export interface SetAttributesParams {
    path: string;
    mode?: number | null;
    readonly?: boolean | null;
    ifMatch?: string | null;
    idempotencyKey?: string | null;
}

/**
 * One of the slowest calls of the last ten minutes.
 *
 * `at` is when it was answered, in milliseconds since 1970. `error` is the kind of the error, or "".
 */
export interface SlowCallTrace {
    method: string;
    at: number;
    milliseconds: number;
    bytesIn: number;
    bytesOut: number;
    user: string;
    error: string;
}

/**
 * What is known of a file, folder or symbolic link.
 *
 * Times are milliseconds since 1970; `size` is in bytes. `readonly` is of files only, and told by `mode`.
 * `target` is where a link leads, as it was given; nothing follows it here.
 */
export interface Stat {
    type: 'directory' | 'file' | 'symlink';
    size: number;
    ctime: number;
    mtime: number;
    etag: string;
    mode: number;
    readonly: boolean;
    target: string | null;
}

/**
 * A message to be stored. Its role and parent stay as they were first stored.
 *
 * `ifMatch` is the etag it must still have; without it there must be none, or the very same.
 */
export interface StoredMessage {
    id: string;
    role: 'assistant' | 'system' | 'tool' | 'user';
    content: string;
    data?: string;
    model?: string | null;
    parent?: string | null;
    ifMatch?: string | null;
}

/**
 * A terminal. Its bytes are on the socket `/ws/terminal/{id}`.
 *
 * `command` is the program and its arguments, `cwd` the folder it is in now, `pid` its process in the
 * sandbox. `busy`: it has another program in the foreground, as a shell has while a command runs. `created`
 * is in milliseconds since 1970. `exit` is of one whose program has ended; what it said can still be read.
 */
export interface Terminal {
    id: string;
    title: string;
    command: Array<string>;
    cwd: string;
    pid: number;
    cols: number;
    rows: number;
    busy: boolean;
    created: number;
    exit: TerminalExit | null;
}

/** A terminal is new, or has another title. */
export interface TerminalDidChange {
    terminal: Terminal;
}

/** The program of a terminal has ended. */
export interface TerminalDidExit {
    id: string;
    exit: TerminalExit;
}

/** How a program has ended: with an exit code, or by a signal such as `SIGKILL`. */
export interface TerminalExit {
    code: number | null;
    signal: string | null;
}

/** The terminals of the session, in the order they were made in. */
export interface TerminalList {
    terminals: Array<Terminal>;
}

/** A shell that is there. */
export interface TerminalProfile {
    name: string;
    path: string;
}

/** `default` is the name of one of them. */
export interface TerminalProfiles {
    profiles: Array<TerminalProfile>;
    default: string;
}

/** Of the caller, for this day; `renewsAt` is when the next begins, in milliseconds since 1970. */
export interface TokenBudget {
    tokens: number;
    used: number;
    renewsAt: number;
}

/** `estimated`: the model has not said, so a token is taken to be 4 bytes. */
export interface TokenUsage {
    inputTokens: number;
    outputTokens: number;
    estimated: boolean;
}

/** A tool the model may call, which the client runs then. `parameters` is a JSON Schema. */
export interface Tool {
    name: string;
    description?: string;
    parameters?: Record<string, unknown>;
}

/** A call that a model has made; `arguments` is JSON text, as the model wrote it. */
export interface ToolCall {
    id: string;
    name: string;
    arguments?: string;
}

/** A piece of the call `index`: `id` and `name` come with the first; `arguments` is some of its text. */
export interface ToolCallDelta {
    index: number;
    id: string | null;
    name: string | null;
    arguments: string;
}

/**
 * `start` begins to measure, anew if that is done already; `stop` ends it, and gives what there was.
 *
 * `sample` is the part of the calls that are timed from the `start` on; all are counted. `slowest` is how
 * many of the slowest calls are told.
 */
export interface TraceParams {
    action?: 'read' | 'start' | 'stop';
    sample?: number;
    slowest?: number;
}

export interface TrashDeleteParams {
    id: string;
    idempotencyKey?: string | null;
}

export interface TrashEmptyParams {
    idempotencyKey?: string | null;
}

/**
 * Something that was deleted.
 *
 * `path` is where it was, `deletedAt` is in milliseconds since 1970, `size` the bytes of all its files,
 * `entries` how many names it has, with its own.
 */
export interface TrashItem {
    id: string;
    path: string;
    deletedAt: number;
    type: 'directory' | 'file' | 'symlink';
    size: number;
    entries: number;
}

/** What was deleted, the last deleted first. */
export interface TrashList {
    items: Array<TrashItem>;
}

export interface TrashListParams {
    limit?: number;
}

/** Without `target` it goes where it was. With `overwrite`, what took its name goes into the trash. */
export interface TrashRestoreParams {
    id: string;
    target?: string | null;
    overwrite?: boolean;
    idempotencyKey?: string | null;
}

export interface UnwatchParams {
    watchId: string;
}

/** What is left out stays as it is. */
export interface UpdateSessionParams {
    session: string;
    name?: string | null;
    tags?: Array<string> | null;
    description?: string | null;
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
 * `role` is the user's as the answer was made: a viewer may call nothing that writes. `maxFrame` is the
 * size in bytes of the largest frame the server takes, and so bounds what can be saved.
 */
export interface WorkspaceInfo {
    session: string;
    sessionName: string;
    user: string;
    userName: string;
    role: 'admin' | 'member' | 'owner' | 'viewer';
    roots: Array<string>;
    maxFrame: number;
}

/** The windows in which the session is open, those that were opened first coming first. */
export interface WorkspacePresence {
    windows: Array<SessionWindow>;
}

/** The runtime of the caller's session. `error` tells why it has failed; `status` is of one that runs. */
export interface WorkspaceRuntime {
    state: 'failed' | 'running' | 'starting' | 'stopped';
    sandbox: 'bubblewrap' | 'none';
    error: string | null;
    status: RuntimeStatus | null;
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
 * `create` allows making it, `overwrite` allows replacing it. `ifMatch` is the etag the file must still
 * have, else the answer is Conflict. A write repeated with the same `idempotencyKey` is applied once.
 * Without `mode` a file keeps the one it has. A read-only file and a symbolic link are not written.
 */
export interface WriteFileParams {
    path: string;
    content: Uint8Array;
    create?: boolean;
    overwrite?: boolean;
    mode?: number | null;
    ifMatch?: string | null;
    idempotencyKey?: string | null;
}

/** Parameters and result of every method, by its name. */
export interface Methods {
    /** The tenant's agents by name, as they are kept by the REST API. */
    'agents.list': { params: AgentListParams; result: AgentList };
    /** Keeps the channel open past its token's end, with a newer token of the same sign-in. */
    'auth.renew': { params: RenewParams; result: Renewed };
    /** Deletes all chats of this session, which can be restored until they are purged. */
    'chat.clear': { params: undefined; result: Cleared };
    /**
     * Asks a language model. What it says comes as `chat.didDelta`, in order; the answer comes when it ends.
     *
     * `$/cancelRequest`, and the end of the channel, stop the model. What it has taken by then is counted.
     */
    'chat.complete': { params: CompleteParams; result: Completion };
    /** Deletes a chat, which can be restored until it is purged. */
    'chat.delete': { params: ChatParams; result: null };
    /** The caller's chats without their messages, the last changed first. */
    'chat.index': { params: ChatIndexParams; result: ChatIndex };
    /** The language models there are, and the caller's budget. */
    'chat.models': { params: undefined; result: ModelList };
    /** A chat and the next of its messages, from the first on. */
    'chat.read': { params: ChatReadParams; result: ChatContent };
    /** Brings a deleted chat back. */
    'chat.restore': { params: ChatParams; result: Chat };
    /**
     * Saves what has changed in a chat, all or nothing; a chat that is not there is made in this session.
     *
     * It can be sent again: what is as it should be already is no conflict. Conflict has in its `data` the etags
     * of what others have changed: `messages` by their ids, and `chat` if it is the chat's own fields.
     */
    'chat.store': { params: ChatStoreParams; result: ChatStored };
    /** Copies a file or folder, at once; contents are shared, not copied. */
    'fs.copy': { params: MoveParams; result: Stat };
    /** Makes one folder in a folder that exists. */
    'fs.createDirectory': { params: CreateDirectoryParams; result: Stat };
    /** Makes a symbolic link, which is kept for exports and never followed here. */
    'fs.createSymlink': { params: CreateSymlinkParams; result: Stat };
    /** Deletes a file, or a folder and with `recursive` all in it, for good or into the trash. */
    'fs.delete': { params: DeleteParams; result: null };
    /** The earlier contents of a file that are kept, the newest first. */
    'fs.history': { params: PathParams; result: FileHistory };
    /** A page of a folder's entries with what is known of each; `next` leads to the next page. */
    'fs.readDirectory': { params: ReadDirectoryParams; result: Directory };
    /** A file's content, or a range of it. */
    'fs.readFile': { params: ReadFileParams; result: FileContent };
    /** An earlier content of a file, or a range of it. */
    'fs.readVersion': { params: ReadVersionParams; result: FileContent };
    /** Moves a file or folder to another name, folder or root, at once. */
    'fs.rename': { params: MoveParams; result: Stat };
    /** Writes an earlier content of a file anew; the present one joins the history. */
    'fs.restore': { params: RestoreParams; result: Stat };
    /** Changes the permission bits of a file or folder; content, times and etag stay. */
    'fs.setAttributes': { params: SetAttributesParams; result: Stat };
    /** What is known of a file or folder. */
    'fs.stat': { params: PathParams; result: Stat };
    /** Ends a watch. */
    'fs.unwatch': { params: UnwatchParams; result: null };
    /** Notifies of changes by `fs.didChange`, from the cursor on, or from now. */
    'fs.watch': { params: WatchParams; result: Watch };
    /** Writes a whole file at once; answers when it is durable. */
    'fs.writeFile': { params: WriteFileParams; result: Stat };
    /** The languages there are servers for, and how these are; none runs if the session's runtime does not. */
    'language.list': { params: undefined; result: LanguageList };
    /** The OpenRPC document of this server. */
    'rpc.discover': { params: undefined; result: Record<string, unknown> };
    /** Tells that the channel works, and the server's time. */
    'rpc.ping': { params: undefined; result: Pong };
    /**
     * How long the calls of the tenant take, by method, and which were the slowest. For admins.
     *
     * It is the view of the gateway that is asked, of all channels it has open: where there are several, each
     * is to be asked. A trace ends after an hour, and with the gateway. `start` and `stop` are in the audit.
     */
    'rpc.trace': { params: TraceParams; result: CallsTrace };
    /** Ends a text search, of which nothing more is told. */
    'search.cancel': { params: CancelSearchParams; result: null };
    /** Files whose paths match a pattern, ranked as in Theia's quick open. */
    'search.files': { params: SearchFilesParams; result: FoundFiles };
    /** Begins a text search; what it finds comes as `search.didFind`, its end as `search.didFinish`. */
    'search.text': { params: SearchTextParams; result: Search };
    /** Makes a session with nothing in it. */
    'sessions.create': { params: CreateSessionParams; result: Session };
    /** Puts a session into the trash. What is open in it is closed on every gateway, perhaps this channel. */
    'sessions.delete': { params: SessionParams; result: null };
    /** Makes a session with the files another one has at this instant, whoever writes to it meanwhile. */
    'sessions.fork': { params: ForkSessionParams; result: Session };
    /** One of them. */
    'sessions.get': { params: SessionParams; result: Session };
    /** The caller's sessions. */
    'sessions.list': { params: ListSessionsParams; result: SessionList };
    /** The caller's sessions that have something in common with one, and what that is. */
    'sessions.related': { params: RelatedSessionsParams; result: RelatedSessions };
    /** Brings a deleted session back as it was. */
    'sessions.restore': { params: SessionParams; result: Session };
    /** Changes name, tags or description. */
    'sessions.update': { params: UpdateSessionParams; result: Session };
    /** Ends the program of a terminal, and forgets the terminal. */
    'terminal.close': { params: CloseTerminalParams; result: null };
    /** Starts a program in a new terminal, and the session's runtime first unless it runs. */
    'terminal.create': { params: CreateTerminalParams; result: Terminal };
    /** The terminals of the session; none if its runtime does not run. */
    'terminal.list': { params: undefined; result: TerminalList };
    /** The shells there are; the session's runtime is started unless it runs. */
    'terminal.profiles': { params: undefined; result: TerminalProfiles };
    /** Gives a terminal another title. */
    'terminal.rename': { params: RenameTerminalParams; result: null };
    /** Gives a terminal another size; its programs are told. */
    'terminal.resize': { params: ResizeTerminalParams; result: null };
    /** Forgets it for good. */
    'trash.delete': { params: TrashDeleteParams; result: null };
    /** Forgets all of it for good. */
    'trash.empty': { params: TrashEmptyParams; result: Emptied };
    /** What was deleted, the last deleted first. */
    'trash.list': { params: TrashListParams; result: TrashList };
    /** Puts it back where it was, or at `target`; folders that are gone are made again. */
    'trash.restore': { params: TrashRestoreParams; result: Restored };
    /**
     * Lets others in the session know of this window, until the channel ends.
     *
     * From then on the channel is notified by `workspace.didChangePresence`: soon, and whenever the windows
     * change. It is to be called again when what it tells has changed.
     */
    'workspace.attend': { params: AttendParams; result: null };
    /** The session this channel works on, and who is working. */
    'workspace.info': { params: undefined; result: WorkspaceInfo };
    /** The windows in which the session is open, on all gateways: what has called `workspace.attend`. */
    'workspace.presence': { params: undefined; result: WorkspacePresence };
    /** How the runtime is that runs this session's terminals and language servers; it is not started. */
    'workspace.runtime': { params: undefined; result: WorkspaceRuntime };
    /** Starts the runtime of this session unless it runs, and answers when it does. */
    'workspace.start': { params: undefined; result: WorkspaceRuntime };
    /** Stops the runtime of this session: its programs end, after what they wrote is stored. */
    'workspace.stop': { params: undefined; result: WorkspaceRuntime };
    /**
     * Answers when the runtime's disk and the store are equal in all that was there before the call.
     *
     * Without a runtime there is nothing to wait for.
     */
    'workspace.sync': { params: undefined; result: MirrorSettled };
    /** How much the session, the user and the tenant keep, and how much they may. */
    'workspace.usage': { params: undefined; result: WorkspaceUsage };
}

/** Parameters of every notification the server sends, by its name. */
export interface Notifications {
    /** How far a long piece of work is. */
    '$/progress': Progress;
    /** Others have changed a chat of the session. Sent to channels that have asked for a chat. */
    'chat.didChange': DidChangeChat;
    /** The next piece of an answer, before that of `chat.complete`. */
    'chat.didDelta': DidDelta;
    /** Changes below a watched path, in commit order. */
    'fs.didChange': DidChange;
    /** A language server has begun or ended. */
    'language.didChange': LanguageDidChange;
    /** A file was changed in the IDE and on the workspace's disk at once; both texts are kept. */
    'mirror.didConflict': MirrorConflict;
    /** Something cannot be brought from the workspace's disk into the store, or the other way. */
    'mirror.didRefuse': MirrorRefusal;
    /** Some of what a text search has found. */
    'search.didFind': DidFind;
    /** A text search has ended by itself. */
    'search.didFinish': DidFinish;
    /** One of the caller's sessions was made, changed, opened, deleted or restored. Told to channels that have called `sessions.list` or `sessions.get`. */
    'sessions.didChange': SessionsChanged;
    /** A terminal is new or was renamed. */
    'terminal.didChange': TerminalDidChange;
    /** The program of a terminal has ended. */
    'terminal.didExit': TerminalDidExit;
    /** Who else has the session open has changed. Sent to channels that have called `workspace.attend`. */
    'workspace.didChangePresence': WorkspacePresence;
    /** The runtime of the session has started, ended or changed. */
    'workspace.didChangeRuntime': WorkspaceRuntime;
}

/** `data.kind` of an error. */
export type ErrorKind =
    | 'BatchTooLarge'
    | 'BudgetExceeded'
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
    | 'InvalidCursor'
    | 'InvalidFields'
    | 'InvalidParams'
    | 'InvalidPath'
    | 'InvalidPattern'
    | 'InvalidRequest'
    | 'InvitationRejected'
    | 'LastOwner'
    | 'MethodNotFound'
    | 'ModelBusy'
    | 'ModelRefused'
    | 'ModelUnavailable'
    | 'ModelUnusable'
    | 'NoPermissions'
    | 'NoSandbox'
    | 'NotFound'
    | 'OriginRejected'
    | 'ParseError'
    | 'ProgramNotStarted'
    | 'QuotaExceeded'
    | 'RateLimited'
    | 'RegistrationClosed'
    | 'TooManyAttempts'
    | 'TooManyCompletions'
    | 'Unauthorized'
    | 'Unavailable'
    | 'UnknownModel'
    ;
