import { CommonMenus } from '@theia/core/lib/browser/common-menus';
import { ConfirmDialog } from '@theia/core/lib/browser/dialogs';
import { FrontendApplicationContribution } from '@theia/core/lib/browser/frontend-application-contribution';
import { QuickInputService, QuickPickItem } from '@theia/core/lib/browser/quick-input/quick-input-service';
import { ApplicationShell } from '@theia/core/lib/browser/shell/application-shell';
import { TabBarToolbarContribution, TabBarToolbarRegistry } from '@theia/core/lib/browser/shell/tab-bar-toolbar';
import { ViewContainer } from '@theia/core/lib/browser/view-container';
import { WidgetManager } from '@theia/core/lib/browser/widget-manager';
import { Widget } from '@theia/core/lib/browser/widgets/widget';
import { CommandContribution, CommandRegistry } from '@theia/core/lib/common/command';
import { MenuContribution, MenuModelRegistry } from '@theia/core/lib/common/menu';
import { MessageService } from '@theia/core/lib/common/message-service';
import { nls } from '@theia/core/lib/common/nls';
import { inject, injectable } from '@theia/core/shared/inversify';
import { FileNavigatorContribution } from '@theia/navigator/lib/browser/navigator-contribution';
import { EXPLORER_VIEW_CONTAINER_ID } from '@theia/navigator/lib/browser/navigator-widget-factory';
import { BridgeError } from '../../common/bridge-error';
import { formatTime } from '../../common/format-time';
import { TrashItem } from '../../common/protocol.generated';
import { BridgeFileSystemServer } from '../files/bridge-file-system-server';
import { toUri } from '../files/file-paths';
import { TRASH_CONTEXT_MENU, TrashCommands } from './trash-commands';
import { TrashService } from './trash-service';
import { TrashWidget } from './trash-widget';

/** How long a deletion can be undone by its notification, in milliseconds. */
const UNDO_TIME = 10_000;

/** Deletions in so many milliseconds are told together. */
const GATHER_TIME = 200;

/** Shows the trash in the explorer, restores from it and empties it. */
@injectable()
export class TrashContribution implements FrontendApplicationContribution, CommandContribution, MenuContribution, TabBarToolbarContribution {

    @inject(TrashService)
    protected readonly trash: TrashService;

    @inject(BridgeFileSystemServer)
    protected readonly files: BridgeFileSystemServer;

    @inject(WidgetManager)
    protected readonly widgets: WidgetManager;

    @inject(ApplicationShell)
    protected readonly shell: ApplicationShell;

    @inject(FileNavigatorContribution)
    protected readonly navigator: FileNavigatorContribution;

    @inject(QuickInputService)
    protected readonly quickInput: QuickInputService;

    @inject(MessageService)
    protected readonly messages: MessageService;

    protected deleted: string[] = [];

    initialize(): void {
        this.widgets.onWillCreateWidget(({ widget, waitUntil }) => {
            if (widget.id === EXPLORER_VIEW_CONTAINER_ID && widget instanceof ViewContainer) {
                waitUntil(this.attach(widget));
            }
        });
        this.files.onDidTrash(path => {
            if (this.deleted.push(path) === 1) {
                setTimeout(() => this.offerUndo(this.deleted.splice(0)), GATHER_TIME);
            }
        });
    }

    registerCommands(commands: CommandRegistry): void {
        const onItems = (act: (items: TrashItem[]) => Promise<void>, label: string) => ({
            execute: async (given?: unknown) => {
                const items = this.toItems(given) ?? await this.pick(label);
                if (items.length) {
                    await this.attempt(() => act(items));
                }
            }
        });
        commands.registerCommand(TrashCommands.SHOW, { execute: () => this.show() });
        commands.registerCommand(TrashCommands.RESTORE, onItems(items => this.restore(items), nls.localizeByDefault('Restore')));
        commands.registerCommand(TrashCommands.DELETE, onItems(items => this.delete(items), nls.localizeByDefault('Delete Permanently')));
        commands.registerCommand(TrashCommands.EMPTY, {
            execute: () => this.attempt(() => this.empty()),
            isVisible: (widget?: unknown) => !(widget instanceof Widget) || widget instanceof TrashWidget
        });
        commands.registerCommand(TrashCommands.REFRESH, {
            execute: (widget: TrashWidget) => widget.refresh(),
            isVisible: (widget?: unknown) => widget instanceof TrashWidget
        });
    }

    registerMenus(menus: MenuModelRegistry): void {
        menus.registerMenuAction(CommonMenus.VIEW_VIEWS, { commandId: TrashCommands.SHOW.id, label: nls.localize('theia-bridge/trash/title', 'Trash'), order: 'trash' });
        menus.registerMenuAction(TRASH_CONTEXT_MENU, { commandId: TrashCommands.RESTORE.id, label: nls.localizeByDefault('Restore'), order: '1' });
        menus.registerMenuAction(TRASH_CONTEXT_MENU, { commandId: TrashCommands.DELETE.id, label: nls.localizeByDefault('Delete Permanently'), order: '2' });
    }

    registerToolbarItems(registry: TabBarToolbarRegistry): void {
        const isVisible = (widget: Widget): boolean => widget instanceof TrashWidget;
        registry.registerItem({ id: TrashCommands.REFRESH.id, command: TrashCommands.REFRESH.id, tooltip: nls.localizeByDefault('Refresh'), priority: 1, isVisible });
        registry.registerItem({ id: TrashCommands.EMPTY.id, command: TrashCommands.EMPTY.id, tooltip: TrashCommands.EMPTY.label, priority: 2, isVisible });
    }

    protected async attach(explorer: ViewContainer): Promise<void> {
        const widget = await this.widgets.getOrCreateWidget(TrashWidget.ID);
        if (!explorer.getTrackableWidgets().includes(widget)) {
            explorer.addWidget(widget, { initiallyCollapsed: true, canHide: true, order: 10 });
        }
    }

    protected async show(): Promise<void> {
        await this.navigator.openView({ reveal: true });
        const explorer = await this.widgets.getWidget(EXPLORER_VIEW_CONTAINER_ID);
        if (explorer instanceof ViewContainer) {
            const part = explorer.getParts().find(({ wrapped }) => wrapped.id === TrashWidget.ID);
            part?.setHidden(false);
            explorer.revealWidget(TrashWidget.ID);
            await this.shell.activateWidget(TrashWidget.ID);
        }
    }

    protected toItems(given: unknown): TrashItem[] | undefined {
        return Array.isArray(given) ? given as TrashItem[] : undefined;
    }

    /** For those who come by the palette. */
    protected async pick(placeholder: string): Promise<TrashItem[]> {
        const found = await this.trash.list();
        if (!found.length) {
            this.messages.info(nls.localize('theia-bridge/trash/empty', 'The trash is empty.'));
            return [];
        }
        const items = found.map((item): QuickPickItem & { item: TrashItem } => ({
            label: toUri(item.path).path.base, description: formatTime(item.deletedAt), detail: item.path, item
        }));
        const picked = await this.quickInput.showQuickPick(items, { placeholder, matchOnDetail: true });
        return picked ? [picked.item] : [];
    }

    protected async restore(items: TrashItem[]): Promise<void> {
        for (const item of items) {
            try {
                await this.trash.restore(item, false);
            } catch (error) {
                if (!(error instanceof BridgeError) || error.kind !== 'FileExists') {
                    throw error;
                }
                const replace = await new ConfirmDialog({
                    title: nls.localizeByDefault('Restore'),
                    msg: nls.localize('theia-bridge/trash/replace', '{0} is there again. Replace it? What is there now goes to the trash.', item.path),
                    ok: nls.localizeByDefault('Replace')
                }).open();
                if (replace) {
                    await this.trash.restore(item, true);
                }
            }
        }
    }

    protected async delete(items: TrashItem[]): Promise<void> {
        const what = items.length === 1 ? toUri(items[0].path).path.base : nls.localize('theia-bridge/trash/count', '{0} items', items.length);
        if (await this.confirm(nls.localizeByDefault('Delete Permanently'), nls.localize('theia-bridge/trash/confirmDelete', 'Delete {0} permanently? This cannot be undone.', what))) {
            await Promise.all(items.map(item => this.trash.delete(item)));
        }
    }

    protected async empty(): Promise<void> {
        if (await this.confirm(TrashCommands.EMPTY.label!, nls.localize('theia-bridge/trash/confirmEmpty', 'Delete all that is in the trash permanently? This cannot be undone.'))) {
            await this.trash.empty();
        }
    }

    protected async confirm(title: string, msg: string): Promise<boolean> {
        return !!await new ConfirmDialog({ title, msg, ok: nls.localizeByDefault('Delete') }).open();
    }

    protected async offerUndo(paths: string[]): Promise<void> {
        const text = paths.length === 1
            ? nls.localize('theia-bridge/trash/moved', '“{0}” was moved to the trash.', toUri(paths[0]).path.base)
            : nls.localize('theia-bridge/trash/movedMany', '{0} items were moved to the trash.', paths.length);
        const restore = nls.localizeByDefault('Restore');
        if (await this.messages.info(text, { timeout: UNDO_TIME }, restore) === restore) {
            await this.attempt(async () => {
                const items = await this.trash.list();
                // Of several of one path, the last deleted.
                await this.restore(paths.map(path => items.find(item => item.path === path)).filter(item => item !== undefined));
            });
        }
    }

    protected async attempt(act: () => Promise<void>): Promise<void> {
        try {
            await act();
        } catch (error) {
            this.messages.error(error instanceof Error ? error.message : String(error));
        }
    }
}
