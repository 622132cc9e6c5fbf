import { ConfirmDialog } from '@theia/core/lib/browser/dialogs';
import { DiffUris } from '@theia/core/lib/browser/diff-uris';
import { FrontendApplicationContribution } from '@theia/core/lib/browser/frontend-application-contribution';
import { open, OpenerService } from '@theia/core/lib/browser/opener-service';
import { QuickInputService, QuickPickItem } from '@theia/core/lib/browser/quick-input/quick-input-service';
import { Saveable } from '@theia/core/lib/browser/saveable';
import { TabBarToolbarContribution, TabBarToolbarRegistry } from '@theia/core/lib/browser/shell/tab-bar-toolbar';
import { CommandContribution, CommandRegistry } from '@theia/core/lib/common/command';
import { MenuContribution, MenuModelRegistry } from '@theia/core/lib/common/menu';
import { MessageService } from '@theia/core/lib/common/message-service';
import { nls } from '@theia/core/lib/common/nls';
import URI from '@theia/core/lib/common/uri';
import { inject, injectable } from '@theia/core/shared/inversify';
import { EditorManager } from '@theia/editor/lib/browser/editor-manager';
import { EditorWidget } from '@theia/editor/lib/browser/editor-widget';
import { BinarySize } from '@theia/filesystem/lib/common/files';
import { NavigatorContextMenu } from '@theia/navigator/lib/browser/navigator-contribution';
import { TimelineService } from '@theia/timeline/lib/browser/timeline-service';
import { TIMELINE_ITEM_CONTEXT_MENU } from '@theia/timeline/lib/browser/timeline-tree-widget';
import { TimelineItem } from '@theia/timeline/lib/common/timeline-model';
import { DiffService } from '@theia/workspace/lib/browser/diff-service';
import { formatTime } from '../../common/format-time';
import { BridgeConnection } from '../connection/bridge-connection';
import { isServed, toPath } from '../files/file-paths';
import { BridgeTimelineProvider, VERSION_CONTEXT } from './bridge-timeline-provider';
import { fromVersionUri, toVersionOfFile, toVersionUri, VersionOfFile } from './file-versions';
import { HistoryCommands } from './history-commands';

/** Shows what files were, and brings it back. */
@injectable()
export class HistoryContribution implements FrontendApplicationContribution, CommandContribution, MenuContribution, TabBarToolbarContribution {

    @inject(BridgeConnection)
    protected readonly connection: BridgeConnection;

    @inject(TimelineService)
    protected readonly timelines: TimelineService;

    @inject(BridgeTimelineProvider)
    protected readonly provider: BridgeTimelineProvider;

    @inject(EditorManager)
    protected readonly editors: EditorManager;

    @inject(OpenerService)
    protected readonly openers: OpenerService;

    @inject(DiffService)
    protected readonly diffs: DiffService;

    @inject(QuickInputService)
    protected readonly quickInput: QuickInputService;

    @inject(MessageService)
    protected readonly messages: MessageService;

    onStart(): void {
        this.timelines.registerTimelineProvider(this.provider);
    }

    registerCommands(commands: CommandRegistry): void {
        const withVersion = (act: (version: VersionOfFile) => Promise<void>, label: string) => ({
            execute: async (subject?: unknown) => {
                const version = this.toVersion(subject) ?? await this.pick(subject, label);
                if (version) {
                    await act(version);
                }
            },
            isEnabled: (subject?: unknown) => !!this.toVersion(subject) || !!this.toFile(subject),
            isVisible: (subject?: unknown) => !!this.toVersion(subject) || !!this.toFile(subject)
        });
        commands.registerCommand(HistoryCommands.COMPARE, withVersion(version => this.compare(version), HistoryCommands.COMPARE.label!));
        commands.registerCommand(HistoryCommands.RESTORE, withVersion(version => this.restore(version), HistoryCommands.RESTORE.label!));
        commands.registerCommand(HistoryCommands.OPEN, {
            execute: async (item: TimelineItem) => { await open(this.openers, toVersionUri(this.toVersion(item)!)); }
        });
        commands.registerCommand(HistoryCommands.OPEN_CURRENT, { execute: async (uri: URI) => { await open(this.openers, uri); } });
    }

    registerMenus(menus: MenuModelRegistry): void {
        const when = `timelineItem == '${VERSION_CONTEXT}'`;
        const items: [string, string][] = [
            [HistoryCommands.COMPARE.id, nls.localize('theia-bridge/history/compareWithCurrent', 'Compare with Current')],
            [HistoryCommands.OPEN.id, nls.localize('theia-bridge/history/openVersion', 'Open This Version')],
            [HistoryCommands.RESTORE.id, nls.localize('theia-bridge/history/restoreVersion', 'Restore This Version')]
        ];
        items.forEach(([commandId, label], order) => menus.registerMenuAction([...TIMELINE_ITEM_CONTEXT_MENU, '1_versions'], {
            commandId, label, when, order: String(order)
        }));
        menus.registerMenuAction(NavigatorContextMenu.COMPARE, { commandId: HistoryCommands.COMPARE.id, when: '!explorerResourceIsFolder', order: 'z' });
    }

    registerToolbarItems(registry: TabBarToolbarRegistry): void {
        registry.registerItem({
            id: HistoryCommands.RESTORE.id,
            command: HistoryCommands.RESTORE.id,
            tooltip: nls.localize('theia-bridge/history/restoreVersion', 'Restore This Version'),
            isVisible: widget => !!this.toVersion(widget)
        });
    }

    /** An item of the timeline, or an editor that shows a version, without one the present editor. */
    protected toVersion(subject: unknown): VersionOfFile | undefined {
        if (subject instanceof EditorWidget) {
            const { uri } = subject.editor;
            return fromVersionUri(DiffUris.isDiffUri(uri) ? DiffUris.decode(uri)[0] : uri);
        }
        const item = subject as Partial<TimelineItem> | undefined;
        return item?.contextValue === VERSION_CONTEXT
            ? { uri: new URI(item.uri), version: item.handle!, savedAt: item.timestamp! }
            : undefined;
    }

    /** The file that a command without a version is about: the one selected, else the one in the editor. */
    protected toFile(subject: unknown): URI | undefined {
        const uri = subject instanceof URI ? subject : this.editors.currentEditor?.getResourceUri();
        return uri && isServed(uri) ? uri : undefined;
    }

    protected async pick(subject: unknown, placeholder: string): Promise<VersionOfFile | undefined> {
        const uri = this.toFile(subject);
        if (!uri) {
            return undefined;
        }
        const { versions } = await this.connection.request('fs.history', { path: toPath(uri.toString()) });
        if (!versions.length) {
            this.messages.info(nls.localize('theia-bridge/history/none', 'No earlier version of {0} is kept.', uri.path.base));
            return undefined;
        }
        const items = versions.map((version): QuickPickItem & { version: VersionOfFile } => ({
            label: formatTime(version.savedAt),
            description: BinarySize.formatSize(version.size),
            version: toVersionOfFile(uri, version)
        }));
        return (await this.quickInput.showQuickPick(items, { placeholder: `${uri.path.base}: ${placeholder}` }))?.version;
    }

    protected async compare(version: VersionOfFile): Promise<void> {
        const label = nls.localize('theia-bridge/history/diff', '{0} ({1} ↔ Current)', version.uri.path.base, formatTime(version.savedAt));
        await this.diffs.openDiffEditor(toVersionUri(version), version.uri, label);
    }

    protected async restore({ uri, version, savedAt }: VersionOfFile): Promise<void> {
        const unsaved = this.editors.all.filter(({ editor }) => editor.uri.isEqual(uri)).filter(Saveable.isDirty);
        const confirmed = await new ConfirmDialog({
            title: nls.localize('theia-bridge/history/restoreVersion', 'Restore This Version'),
            msg: unsaved.length
                ? nls.localize('theia-bridge/history/confirmUnsaved', '{0} will be as it was on {1}. What is not saved of it will be lost.', uri.path.base, formatTime(savedAt))
                : nls.localize('theia-bridge/history/confirm', '{0} will be as it was on {1}. The present content stays in the timeline.', uri.path.base, formatTime(savedAt)),
            ok: nls.localizeByDefault('Restore')
        }).open();
        if (!confirmed) {
            return;
        }
        try {
            await this.connection.mutate('fs.restore', { path: toPath(uri.toString()), version });
        } catch (error) {
            this.messages.error((error as Error).message);
            return;
        }
        await Promise.all(unsaved.map(widget => Saveable.get(widget)?.revert?.()));
    }
}
