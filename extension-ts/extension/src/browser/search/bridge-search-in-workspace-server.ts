import { Disposable, DisposableCollection } from '@theia/core/lib/common/disposable';
import { MessageService } from '@theia/core/lib/common/message-service';
import { inject, injectable, postConstruct } from '@theia/core/shared/inversify';
import { BinarySize } from '@theia/filesystem/lib/common/files';
import {
    SearchInWorkspaceClient, SearchInWorkspaceOptions, SearchInWorkspaceServer, SearchMatch
} from '@theia/search-in-workspace/lib/common/search-in-workspace-interface';
import { BridgeError } from '../../common/bridge-error';
import { DidFind, DidFinish, FileMatches, Match, SearchTextParams } from '../../common/protocol.generated';
import { BridgeConnection } from '../connection/bridge-connection';
import { toPath, toUri } from '../files/file-paths';
import { toGlobs } from './search-globs';

/** More matches than this the server does not give. */
const MAX_MATCHES = 20_000;

interface RunningSearch {
    readonly id: number;
    readonly rootUris: readonly string[];
}

/**
 * Searches text on the server. Theia has to know a search's id before it hears of its results, so the id is made here
 * and told at once. A search ends with its channel, and is not begun again.
 */
@injectable()
export class BridgeSearchInWorkspaceServer implements SearchInWorkspaceServer {

    @inject(BridgeConnection)
    protected readonly connection: BridgeConnection;

    @inject(MessageService)
    protected readonly messages: MessageService;

    protected readonly toDispose = new DisposableCollection();
    protected client: SearchInWorkspaceClient | undefined;
    protected lastId = 0;
    /** Those that are not over, by their ids here; the server's ids of those that it has begun. */
    protected readonly running = new Map<number, string | undefined>();
    protected readonly begun = new Map<string, RunningSearch>();

    @postConstruct()
    protected init(): void {
        this.toDispose.pushAll([
            this.connection.onNotification('search.didFind', found => this.accept(found)),
            this.connection.onNotification('search.didFinish', end => this.finish(end)),
            this.connection.onDidChangeState(state => {
                if (state !== 'online') {
                    [...this.running.keys()].forEach(id => this.end(id, 'The connection was lost.'));
                }
            }),
            Disposable.create(() => [...this.running.keys()].forEach(id => this.cancel(id)))
        ]);
    }

    setClient(client: SearchInWorkspaceClient | undefined): void {
        this.client = client;
    }

    dispose(): void {
        this.toDispose.dispose();
    }

    async search(what: string, rootUris: string[], options: SearchInWorkspaceOptions = {}): Promise<number> {
        const id = ++this.lastId;
        this.running.set(id, undefined);
        this.begin({ id, rootUris }, this.toParams(what, rootUris, options));
        return id;
    }

    async cancel(id: number): Promise<void> {
        const searchId = this.running.get(id);
        this.end(id);
        if (searchId !== undefined) {
            await this.cancelOnServer(searchId);
        }
    }

    protected async begin(search: RunningSearch, params: SearchTextParams): Promise<void> {
        try {
            const { searchId } = await this.connection.request('search.text', params, false);
            if (this.running.has(search.id)) {
                this.running.set(search.id, searchId);
                this.begun.set(searchId, search);
            } else {
                await this.cancelOnServer(searchId);
            }
        } catch (error) {
            if (!(error instanceof BridgeError)) {
                throw error;
            }
            this.fail(search.id, error.kind, error.message);
        }
    }

    protected async cancelOnServer(searchId: string): Promise<void> {
        try {
            await this.connection.request('search.cancel', { searchId }, false);
        } catch {
            // Without its channel the search is over already.
        }
    }

    protected accept({ searchId, files }: DidFind): void {
        const search = this.begun.get(searchId);
        if (search) {
            for (const file of files) {
                this.tell(search, file);
            }
        }
    }

    protected tell({ id, rootUris }: RunningSearch, { path, matches }: FileMatches): void {
        const holding = rootUris.filter(uri => path.startsWith(`${toPath(uri)}/`)).sort((one, other) => other.length - one.length);
        this.client?.onResult(id, { root: holding[0] ?? '', fileUri: toUri(path).toString(), matches: matches.map(toMatch) });
    }

    protected finish({ searchId, error }: DidFinish): void {
        const search = this.begun.get(searchId);
        if (!search) {
            return;
        }
        if (error) {
            this.fail(search.id, error.kind, error.message);
        } else {
            this.end(search.id);
        }
    }

    protected fail(id: number, kind: string, message: string): void {
        // The view shows no errors. A pattern is wrong most of the time while it is typed; anything else is to be known.
        if (kind !== 'InvalidPattern' && this.running.has(id)) {
            this.messages.warn(`The search could not be done: ${message}`);
        }
        this.end(id, message);
    }

    protected end(id: number, error?: string): void {
        if (this.running.has(id)) {
            const searchId = this.running.get(id);
            this.running.delete(id);
            if (searchId !== undefined) {
                this.begun.delete(searchId);
            }
            this.client?.onDone(id, error);
        }
    }

    protected toParams(pattern: string, rootUris: readonly string[], options: SearchInWorkspaceOptions): SearchTextParams {
        const roots = rootUris.map(toPath);
        return {
            pattern,
            roots,
            regex: options.useRegExp,
            matchCase: options.matchCase,
            wholeWord: options.matchWholeWord,
            multiline: options.multiline,
            includes: toGlobs(options.include, roots),
            excludes: toGlobs(options.exclude, roots),
            useGitIgnore: !options.includeIgnored,
            // Theia takes off what it found in open editors, down to none and less.
            limit: Math.max(1, Math.min(options.maxResults ?? MAX_MATCHES, MAX_MATCHES)),
            maxFileSize: options.maxFileSize === undefined ? undefined : BinarySize.parseSize(options.maxFileSize)
        };
    }
}

function toMatch({ line, character, length, text, textCharacter }: Match): SearchMatch {
    return { line, character, length, lineText: character === textCharacter ? text : { text, character: textCharacter } };
}
