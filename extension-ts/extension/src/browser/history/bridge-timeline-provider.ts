import { Emitter, Event } from '@theia/core/lib/common/event';
import { nls } from '@theia/core/lib/common/nls';
import URI from '@theia/core/lib/common/uri';
import { inject, injectable, postConstruct } from '@theia/core/shared/inversify';
import { URI as CodeUri } from '@theia/core/shared/vscode-uri';
import { FileService } from '@theia/filesystem/lib/browser/file-service';
import { BinarySize } from '@theia/filesystem/lib/common/files';
import { Timeline, TimelineChangeEvent, TimelineItem, TimelineProvider } from '@theia/timeline/lib/common/timeline-model';
import { formatTime } from '../../common/format-time';
import { BridgeConnection } from '../connection/bridge-connection';
import { isServed, servedScheme, toPath } from '../files/file-paths';
import { HistoryCommands } from './history-commands';

/** The `contextValue` of a version that is not the present one. */
export const VERSION_CONTEXT = 'theia-bridge:version';

/** A file's versions, the newest first, in Theia's Timeline view. */
@injectable()
export class BridgeTimelineProvider implements TimelineProvider {

    @inject(BridgeConnection)
    protected readonly connection: BridgeConnection;

    @inject(FileService)
    protected readonly fileService: FileService;

    readonly id = 'theia-bridge.history';
    readonly label = nls.localize('theia-bridge/history/title', 'File History');
    // As a list: of one that is not asked about another scheme's resource, the view goes on to show what it showed.
    readonly scheme = [servedScheme()];

    protected readonly onDidChangeEmitter = new Emitter<TimelineChangeEvent>();
    readonly onDidChange: Event<TimelineChangeEvent> = this.onDidChangeEmitter.event;

    protected shown: URI | undefined;

    @postConstruct()
    protected init(): void {
        this.fileService.onDidFilesChange(event => {
            if (this.shown && event.contains(this.shown)) {
                this.onDidChangeEmitter.fire({ id: this.id, uri: CodeUri.parse(this.shown.toString()), reset: true });
            }
        });
    }

    dispose(): void {
        this.onDidChangeEmitter.dispose();
    }

    async provideTimeline(resource: CodeUri): Promise<Timeline> {
        const uri = new URI(resource.toString());
        this.shown = isServed(uri) ? uri : undefined;
        return { source: this.id, items: this.shown ? await this.items(uri) : [] };
    }

    protected async items(uri: URI): Promise<TimelineItem[]> {
        const path = toPath(uri.toString());
        try {
            const [stat, { versions }] = await Promise.all([
                this.connection.request('fs.stat', { path }),
                this.connection.request('fs.history', { path })
            ]);
            if (stat.type !== 'file') {
                return [];
            }
            const current: TimelineItem = {
                ...this.item(uri, 'current', stat.mtime, stat.size),
                icon: { id: 'circle-filled' },
                description: nls.localize('theia-bridge/history/current', 'Current'),
                command: { id: HistoryCommands.OPEN_CURRENT.id, arguments: [uri] }
            };
            return [current, ...versions.map(({ version, savedAt, size }) => {
                const item: TimelineItem = { ...this.item(uri, version, savedAt, size), contextValue: VERSION_CONTEXT };
                return { ...item, command: { id: HistoryCommands.COMPARE.id, arguments: [item] } };
            })];
        } catch {
            // A folder, or a file that is gone.
            return [];
        }
    }

    protected item(uri: URI, handle: string, timestamp: number, size: number): TimelineItem {
        return {
            id: handle, source: this.id, uri: uri.toString(), handle, timestamp,
            label: formatTime(timestamp),
            description: BinarySize.formatSize(size),
            icon: { id: 'history' },
            tooltip: new Date(timestamp).toLocaleString()
        };
    }
}
