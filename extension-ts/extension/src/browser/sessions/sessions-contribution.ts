import { CommonMenus } from '@theia/core/lib/browser/common-menus';
import { ConfirmDialog } from '@theia/core/lib/browser/dialogs';
import { FrontendApplicationContribution } from '@theia/core/lib/browser/frontend-application-contribution';
import { TabBarToolbarContribution, TabBarToolbarRegistry } from '@theia/core/lib/browser/shell/tab-bar-toolbar';
import { AbstractViewContribution } from '@theia/core/lib/browser/shell/view-contribution';
import { Widget } from '@theia/core/lib/browser/widgets/widget';
import { CommandHandler, CommandRegistry } from '@theia/core/lib/common/command';
import { MenuModelRegistry } from '@theia/core/lib/common/menu';
import { MessageService } from '@theia/core/lib/common/message-service';
import { nls } from '@theia/core/lib/common/nls';
import { inject, injectable } from '@theia/core/shared/inversify';
import { Session } from '../../common/protocol.generated';
import { DELETED_SESSION_CONTEXT_MENU, SESSION_CONTEXT_MENU, SessionCommands } from './session-commands';
import { SessionDialog, SessionDialogProps } from './session-dialog';
import { SessionOpener } from './session-opener';
import { SessionPicker } from './session-picker';
import { forkName } from './session-texts';
import { SessionsService } from './sessions-service';
import { SessionsWidget } from './sessions-widget';

/** How long a deletion can be undone by its notification, in milliseconds. */
const UNDO_TIME = 10_000;

/** The view of sessions, and all that is done with them. */
@injectable()
export class SessionsContribution extends AbstractViewContribution<SessionsWidget> implements FrontendApplicationContribution, TabBarToolbarContribution {

    @inject(SessionsService)
    protected readonly sessions: SessionsService;

    @inject(SessionOpener)
    protected readonly opener: SessionOpener;

    @inject(SessionPicker)
    protected readonly picker: SessionPicker;

    @inject(MessageService)
    protected readonly messages: MessageService;

    constructor() {
        super({
            widgetId: SessionsWidget.ID,
            widgetName: SessionsWidget.LABEL,
            defaultWidgetOptions: { area: 'left', rank: 250 },
            toggleCommandId: 'bridge.sessions.toggle'
        });
    }

    async initializeLayout(): Promise<void> {
        await this.openView();
    }

    override registerCommands(commands: CommandRegistry): void {
        super.registerCommands(commands);
        commands.registerCommand(SessionCommands.SHOW, { execute: () => this.openView({ activate: true }) });
        commands.registerCommand(SessionCommands.REFRESH, {
            execute: (widget: SessionsWidget) => widget.refresh(),
            isVisible: (widget?: unknown) => widget instanceof SessionsWidget
        });
        commands.registerCommand(SessionCommands.NEW, this.changing(() => this.create()));
        commands.registerCommand(SessionCommands.OPEN, this.on(session => this.opener.open(session), 'others', SessionCommands.OPEN.label!));
        commands.registerCommand(SessionCommands.OPEN_IN_NEW_WINDOW,
            this.on(async session => this.opener.openInNewWindow(session), 'all', SessionCommands.OPEN_IN_NEW_WINDOW.label!));
        commands.registerCommand(SessionCommands.RELATED, this.on(session => this.showRelated(session), 'all', SessionCommands.RELATED.label!));
        commands.registerCommand(SessionCommands.EDIT, this.changing(this.on(session => this.edit(session), 'all', SessionCommands.EDIT.label!).execute));
        commands.registerCommand(SessionCommands.FORK, this.changing(this.on(session => this.fork(session), 'all', SessionCommands.FORK.label!).execute));
        commands.registerCommand(SessionCommands.FORK_THIS, this.changing(() => this.attempt(() => this.fork(this.sessions.currentId!))));
        commands.registerCommand(SessionCommands.DELETE, this.changing(this.on(session => this.delete(session), 'all', SessionCommands.DELETE.label!).execute));
        commands.registerCommand(SessionCommands.RESTORE, this.changing(this.on(session => this.restore(session), 'deleted', SessionCommands.RESTORE.label!).execute));
    }

    override registerMenus(menus: MenuModelRegistry): void {
        super.registerMenus(menus);
        menus.registerMenuAction(CommonMenus.FILE_OPEN, {
            commandId: SessionCommands.OPEN.id, label: nls.localize('theia-bridge/sessions/openMenu', 'Open Session...'), order: 'a05'
        });
        menus.registerMenuAction(CommonMenus.FILE_NEW_TEXT, {
            commandId: SessionCommands.NEW.id, label: nls.localize('theia-bridge/sessions/newMenu', 'New Session...'), order: 'z'
        });
        const items: [string, string, string][] = [
            [SessionCommands.OPEN.id, nls.localizeByDefault('Open'), '1_open'],
            [SessionCommands.OPEN_IN_NEW_WINDOW.id, nls.localizeByDefault('Open in New Window'), '1_open'],
            [SessionCommands.EDIT.id, nls.localize('theia-bridge/sessions/editIt', 'Rename and Edit'), '2_change'],
            [SessionCommands.FORK.id, nls.localize('theia-bridge/sessions/forkIt', 'Fork'), '2_change'],
            [SessionCommands.RELATED.id, nls.localize('theia-bridge/sessions/relatedTo', 'Show Related'), '3_related'],
            [SessionCommands.DELETE.id, nls.localizeByDefault('Delete'), '4_delete']
        ];
        items.forEach(([commandId, label, group], order) => menus.registerMenuAction([...SESSION_CONTEXT_MENU, group], { commandId, label, order: String(order) }));
        menus.registerMenuAction(DELETED_SESSION_CONTEXT_MENU, { commandId: SessionCommands.RESTORE.id, label: nls.localizeByDefault('Restore') });
    }

    registerToolbarItems(registry: TabBarToolbarRegistry): void {
        const isVisible = (widget: Widget): boolean => widget instanceof SessionsWidget;
        registry.registerItem({
            id: SessionCommands.NEW.id, command: SessionCommands.NEW.id, priority: 1, isVisible,
            tooltip: nls.localize('theia-bridge/sessions/newIt', 'New Session')
        });
        registry.registerItem({
            id: SessionCommands.FORK_THIS.id, command: SessionCommands.FORK_THIS.id, priority: 2, isVisible,
            tooltip: nls.localize('theia-bridge/sessions/forkOpen', 'Fork the Session of This Window')
        });
        registry.registerItem({
            id: SessionCommands.REFRESH.id, command: SessionCommands.REFRESH.id, priority: 3, isVisible, tooltip: nls.localizeByDefault('Refresh')
        });
    }

    /** What is done with a session: one whose id is given, else one that is chosen. */
    protected on(act: (session: string) => Promise<void>, which: 'all' | 'deleted' | 'others', placeholder: string): { execute: (given?: unknown) => Promise<void> } {
        return {
            execute: given => this.attempt(async () => {
                const session = typeof given === 'string' ? given : (await this.picker.pick(placeholder, which))?.id;
                if (session !== undefined) {
                    await act(session);
                }
            })
        };
    }

    /** Viewers only look. */
    protected changing(execute: (...given: unknown[]) => Promise<void>): CommandHandler {
        return { execute, isEnabled: () => this.sessions.mayChange, isVisible: () => this.sessions.mayChange };
    }

    protected async attempt(act: () => Promise<void>): Promise<void> {
        try {
            await act();
        } catch (error) {
            this.messages.error(error instanceof Error ? error.message : String(error));
        }
    }

    protected async create(): Promise<void> {
        const made = await this.ask({
            title: nls.localize('theia-bridge/sessions/newIt', 'New Session'),
            action: nls.localize('theia-bridge/sessions/create', 'Create'),
            details: { name: '', tags: [], description: '' },
            save: details => this.sessions.create(details)
        });
        if (made) {
            await this.offerToOpen(made, nls.localize('theia-bridge/sessions/made', 'The session “{0}” was made.', made.name));
        }
    }

    protected async edit(id: string): Promise<void> {
        const session = await this.sessions.get(id);
        await this.ask({
            title: nls.localize('theia-bridge/sessions/editTitle', 'Rename and Edit “{0}”', session.name),
            action: nls.localizeByDefault('Save'),
            details: session,
            save: details => this.sessions.update(id, details)
        });
    }

    protected async fork(id: string): Promise<void> {
        const session = await this.sessions.get(id);
        const made = await this.ask({
            title: nls.localize('theia-bridge/sessions/forkTitle', 'Fork “{0}”', session.name),
            action: nls.localize('theia-bridge/sessions/forkIt', 'Fork'),
            details: { ...session, name: forkName(session.name) },
            nameOnly: true,
            save: ({ name }) => this.sessions.fork(id, name)
        });
        if (made) {
            await this.offerToOpen(made, nls.localize('theia-bridge/sessions/forked', '“{0}” has the files “{1}” has now.', made.name, session.name));
        }
    }

    protected async delete(id: string): Promise<void> {
        const session = await this.sessions.get(id);
        const open = id === this.sessions.currentId;
        const confirmed = await new ConfirmDialog({
            title: nls.localize('theia-bridge/sessions/deleteTitle', 'Delete “{0}”', session.name),
            msg: open
                ? nls.localize('theia-bridge/sessions/deleteOpen', 'It is open in this window: its terminals end, and nothing more is saved here. It can be restored from the deleted sessions until it is purged.')
                : nls.localize('theia-bridge/sessions/deleteOther', 'Its terminals end, wherever it is open. It can be restored from the deleted sessions until it is purged.'),
            ok: nls.localizeByDefault('Delete')
        }).open();
        if (!confirmed) {
            return;
        }
        await this.sessions.delete(id);
        if (!open) {
            const restore = nls.localizeByDefault('Restore');
            const text = nls.localize('theia-bridge/sessions/wasDeleted', 'The session “{0}” was deleted.', session.name);
            if (await this.messages.info(text, { timeout: UNDO_TIME }, restore) === restore) {
                await this.sessions.restore(id);
            }
        }
    }

    protected async restore(id: string): Promise<void> {
        const session = await this.sessions.restore(id);
        await this.offerToOpen(session, nls.localize('theia-bridge/sessions/restored', 'The session “{0}” is back.', session.name));
    }

    protected async showRelated(id: string): Promise<void> {
        const [session, related] = await Promise.all([this.sessions.get(id), this.sessions.related(id)]);
        if (!related.length) {
            this.messages.info(nls.localize('theia-bridge/sessions/noRelated', 'No other session has anything in common with “{0}”.', session.name));
            return;
        }
        const chosen = await this.picker.pickRelated(nls.localize('theia-bridge/sessions/relatedTitle', 'Related to “{0}”: choose one to open', session.name), related);
        if (chosen) {
            await this.opener.open(chosen.id);
        }
    }

    protected async ask(props: SessionDialogProps): Promise<Session | undefined> {
        const dialog = new SessionDialog(props);
        await dialog.open();
        return dialog.saved;
    }

    protected async offerToOpen(session: Session, text: string): Promise<void> {
        const open = nls.localizeByDefault('Open');
        const inNewWindow = nls.localizeByDefault('Open in New Window');
        const chosen = await this.messages.info(text, { timeout: UNDO_TIME }, open, inNewWindow);
        if (chosen === open) {
            await this.opener.open(session.id);
        } else if (chosen === inNewWindow) {
            this.opener.openInNewWindow(session.id);
        }
    }
}
