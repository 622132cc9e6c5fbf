import { Disposable, DisposableCollection } from '@theia/core/lib/common/disposable';
import { Emitter, Event } from '@theia/core/lib/common/event';
import { FileChangeType } from '@theia/filesystem/lib/common/files';
import { BridgeError } from '../../common/bridge-error';
import { Change, DidChange } from '../../common/protocol.generated';
import { BridgeConnection } from '../connection/bridge-connection';

interface FileWatch {
    readonly path: string;
    readonly recursive: boolean;
    readonly excludes: string[];
    /** The server's name of this watch on the present channel. */
    watchId?: string;
    /** Where in the feed of changes we are. */
    cursor?: string;
}

/**
 * Watches that outlive the channel: a watch ends with its channel, and is resumed on the next one behind the last
 * change that arrived, so that nothing is missed in between.
 */
export class FileWatches implements Disposable {

    protected readonly toDispose = new DisposableCollection();
    protected readonly watches = new Map<number, FileWatch>();
    /** Changes of watches whose answer has not arrived yet. */
    protected early: DidChange[] = [];
    protected starting = 0;

    protected readonly onDidChangeEmitter = new Emitter<readonly Change[]>();
    readonly onDidChange: Event<readonly Change[]> = this.onDidChangeEmitter.event;

    protected readonly onDidLoseTrackEmitter = new Emitter<string>();
    /** Fires with the watched path when changes were missed after all, because the feed no longer reaches back to them. */
    readonly onDidLoseTrack: Event<string> = this.onDidLoseTrackEmitter.event;

    constructor(protected readonly connection: BridgeConnection) {
        this.toDispose.pushAll([
            this.onDidChangeEmitter,
            this.onDidLoseTrackEmitter,
            connection.onNotification('fs.didChange', event => this.accept(event)),
            connection.onDidOpen(() => {
                this.early = [];
                for (const watch of this.watches.values()) {
                    this.begin(watch);
                }
            })
        ]);
    }

    /** Begins at once, or as soon as there is a channel. */
    async watch(id: number, path: string, recursive: boolean, excludes: string[]): Promise<void> {
        const watch: FileWatch = { path, recursive, excludes };
        this.watches.set(id, watch);
        if (this.connection.state === 'online') {
            await this.begin(watch);
        }
    }

    async unwatch(id: number): Promise<void> {
        const watch = this.watches.get(id);
        this.watches.delete(id);
        if (watch?.watchId) {
            await this.end(watch.watchId);
        }
    }

    dispose(): void {
        this.toDispose.dispose();
    }

    protected async begin(watch: FileWatch): Promise<void> {
        const { path, recursive, excludes, cursor } = watch;
        watch.watchId = undefined;
        this.starting++;
        try {
            const started = await this.connection.request('fs.watch', { path, recursive, excludes, cursor }, false);
            if ([...this.watches.values()].includes(watch)) {
                watch.watchId = started.watchId;
                watch.cursor ??= started.cursor;
            } else {
                await this.end(started.watchId);
            }
        } catch (error) {
            if (!(error instanceof BridgeError)) {
                throw error;
            }
            if (error.kind === 'CursorExpired' && cursor !== undefined) {
                watch.cursor = undefined;
                await this.begin(watch);
                this.onDidLoseTrackEmitter.fire(path);
            } else if (error.kind !== 'Unavailable') {
                // Unavailable: the channel died, and the next one begins all watches anew.
                console.warn(`Changes of ${path} cannot be watched: ${error.message}`);
            }
        } finally {
            this.starting--;
            const early = this.early;
            this.early = [];
            early.forEach(event => this.accept(event));
        }
    }

    protected async end(watchId: string): Promise<void> {
        try {
            await this.connection.request('fs.unwatch', { watchId }, false);
        } catch {
            // Without its channel the watch is over already.
        }
    }

    protected accept(event: DidChange): void {
        for (const watch of this.watches.values()) {
            if (watch.watchId === event.watchId) {
                watch.cursor = event.cursor;
                if (event.changes.length) {
                    this.onDidChangeEmitter.fire(event.changes);
                }
                // The server's word for a client that fell behind further than its feed reaches.
                if (watch.recursive && event.changes.some(({ type, path }) => type === FileChangeType.UPDATED && path === watch.path)) {
                    this.onDidLoseTrackEmitter.fire(watch.path);
                }
                return;
            }
        }
        if (this.starting > 0) {
            this.early.push(event);
        }
    }
}
