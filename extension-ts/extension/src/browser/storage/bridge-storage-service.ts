import { StorageService } from '@theia/core/lib/browser/storage-service';
import { inject, injectable } from '@theia/core/shared/inversify';
import { BridgeError } from '../../common/bridge-error';
import { WorkspaceInfo } from '../../common/protocol.generated';
import { WORKSPACE_URI } from '../../common/roots';
import { BridgeConnection } from '../connection/bridge-connection';
import { listFolder } from '../files/list-folder';

const ROOT = '/home/.theia/storage';

/** What Theia keeps of each workspace, but is of the user: the commands used last (RECENT_COMMANDS_STORAGE_KEY, whose module needs a browser). */
const OF_USER: ReadonlySet<string> = new Set(['commands']);

/**
 * Keeps what Theia remembers (layout, open editors, recent commands) as JSON files in the user's home instead of in the
 * browser, so that it is there on the next machine too. All sessions of a user are `file:///workspace` to Theia, so what
 * belongs to a workspace is kept apart by the session.
 *
 * A viewer may write nothing on the server: for one it is kept in the browser after all.
 */
@injectable()
export class BridgeStorageService implements StorageService {

    @inject(BridgeConnection)
    protected readonly connection: BridgeConnection;

    protected info: WorkspaceInfo | undefined;
    /** The file names in a folder, once known: most keys asked for at start do not exist, and cost no request. */
    protected readonly folders = new Map<string, Promise<Set<string>>>();
    protected readonly known = new Map<string, string>();

    protected readonly saving = new Set<Promise<void>>();

    setData<T>(key: string, data: T | undefined): Promise<void> {
        const saved = this.save(key, data);
        this.saving.add(saved);
        return saved.finally(() => this.saving.delete(saved));
    }

    /** Settles when nothing is being saved any more. */
    async whenSaved(): Promise<void> {
        await Promise.allSettled(this.saving);
    }

    protected async save<T>(key: string, data: T | undefined): Promise<void> {
        // No `await` before the request is made: the layout is saved while the page unloads, which waits for nobody.
        const info = this.info ?? await this.getInfo();
        const { folder, name } = this.locate(key, info.session);
        const path = `${folder}/${name}`;
        const json = JSON.stringify(data);
        if (info.role === 'viewer') {
            this.keepHere(path, json, info);
        } else if (json === undefined) {
            this.known.delete(path);
            const names = await this.list(folder);
            if (names.delete(name)) {
                await this.connection.mutate('fs.delete', { path });
            }
        } else if (this.known.get(path) !== json) {
            this.known.delete(path);
            await this.write(folder, path, new TextEncoder().encode(json));
            this.known.set(path, json);
            (await this.list(folder)).add(name);
        }
    }

    protected async write(folder: string, path: string, content: Uint8Array): Promise<void> {
        const put = () => this.connection.mutate('fs.writeFile', { path, content, create: true, overwrite: true });
        try {
            await put();
        } catch (error) {
            if (!(error instanceof BridgeError && error.kind === 'FileNotFound')) {
                throw error;
            }
            // The user deleted the folder, and with it all we knew of it.
            this.known.clear();
            this.folders.clear();
            await this.createFolder(folder);
            await put();
        }
    }

    async getData<T>(key: string, defaultValue: T): Promise<T>;
    async getData<T>(key: string): Promise<T | undefined>;
    async getData<T>(key: string, defaultValue?: T): Promise<T | undefined> {
        const info = await this.getInfo();
        const { folder, name } = this.locate(key, info.session);
        const path = `${folder}/${name}`;
        if (info.role === 'viewer') {
            const kept = this.keptHere(path, info);
            return kept === undefined ? defaultValue : JSON.parse(kept) as T;
        }
        if (!(await this.list(folder)).has(name)) {
            return defaultValue;
        }
        try {
            const { content } = await this.connection.request('fs.readFile', { path });
            const json = new TextDecoder().decode(content);
            this.known.set(path, json);
            return JSON.parse(json) as T;
        } catch (error) {
            console.warn(`${path} is not used: ${error instanceof Error ? error.message : error}`);
            return defaultValue;
        }
    }

    protected async getInfo(): Promise<WorkspaceInfo> {
        return this.info = await this.connection.info;
    }

    protected keepHere(path: string, json: string | undefined, { user }: WorkspaceInfo): void {
        try {
            if (json === undefined) {
                localStorage.removeItem(`${user}:${path}`);
            } else {
                localStorage.setItem(`${user}:${path}`, json);
            }
        } catch (error) {
            console.warn(`${path} is not kept: ${error instanceof Error ? error.message : error}`);
        }
    }

    protected keptHere(path: string, { user }: WorkspaceInfo): string | undefined {
        try {
            return localStorage.getItem(`${user}:${path}`) ?? undefined;
        } catch {
            return undefined; // Storage is switched off.
        }
    }

    protected locate(key: string, session: string): { folder: string, name: string } {
        const ofWorkspace = key.startsWith(WORKSPACE_URI);
        const own = ofWorkspace ? key.slice(WORKSPACE_URI.length).replace(/^:/, '') : key;
        return {
            folder: ofWorkspace && !OF_USER.has(own) ? `${ROOT}/${encodeURIComponent(session)}` : ROOT,
            name: `${encodeURIComponent(own)}.json`
        };
    }

    protected list(folder: string): Promise<Set<string>> {
        let names = this.folders.get(folder);
        if (!names) {
            names = this.readNames(folder);
            names.catch(() => this.folders.delete(folder));
            this.folders.set(folder, names);
        }
        return names;
    }

    protected async readNames(folder: string): Promise<Set<string>> {
        try {
            const entries = await listFolder(this.connection, folder);
            return new Set(entries.map(({ name }) => name));
        } catch (error) {
            if (!(error instanceof BridgeError && error.kind === 'FileNotFound')) {
                throw error;
            }
            await this.createFolder(folder);
            return new Set();
        }
    }

    protected async createFolder(folder: string): Promise<void> {
        const segments = folder.split('/');
        // `/home` is there.
        for (let depth = 3; depth <= segments.length; depth++) {
            try {
                await this.connection.mutate('fs.createDirectory', { path: segments.slice(0, depth).join('/') });
            } catch (error) {
                if (!(error instanceof BridgeError && error.kind === 'FileExists')) {
                    throw error;
                }
            }
        }
    }
}
