import { ContextMenuRenderer } from '@theia/core/lib/browser/context-menu-renderer';
import { codicon } from '@theia/core/lib/browser/widgets/widget';
import { ReactWidget } from '@theia/core/lib/browser/widgets/react-widget';
import { CommandService } from '@theia/core/lib/common/command';
import { MenuPath } from '@theia/core/lib/common/menu';
import { nls } from '@theia/core/lib/common/nls';
import { Message } from '@theia/core/shared/@lumino/messaging';
import debounce = require('@theia/core/shared/lodash.debounce');
import { inject, injectable, postConstruct } from '@theia/core/shared/inversify';
import * as React from '@theia/core/shared/react';
import { Session } from '../../common/protocol.generated';
import { DELETED_SESSION_CONTEXT_MENU, SESSION_CONTEXT_MENU, SessionCommands } from './session-commands';
import { aboutText, longAboutText } from './session-texts';
import { SessionsService } from './sessions-service';

/** What there is of one of the two lists; undefined until it is known. */
interface Listed {
    sessions: Session[] | undefined;
    /** Why it could not be had. */
    error: string | undefined;
}

/** Milliseconds without a key after which is searched. */
const TYPING_TIME = 150;

/** Two clicks on a button are not a double click on its row. */
const notOfRow = (event: React.SyntheticEvent): void => event.stopPropagation();

/** The user's sessions: a list that is searched, and below it those in the trash. */
@injectable()
export class SessionsWidget extends ReactWidget {

    static readonly ID = 'theia-bridge-sessions';
    static readonly LABEL = nls.localize('theia-bridge/sessions/title', 'Sessions');

    @inject(SessionsService)
    protected readonly service: SessionsService;

    @inject(CommandService)
    protected readonly commands: CommandService;

    @inject(ContextMenuRenderer)
    protected readonly menus: ContextMenuRenderer;

    protected search = '';
    protected tag: string | undefined;
    protected showsDeleted = false;
    protected listed: Listed = { sessions: undefined, error: undefined };
    protected deleted: Listed = { sessions: undefined, error: undefined };
    protected selected: string | undefined;
    /** Tells the last question from those before, whose answers come too late. */
    protected asked = 0;

    protected readonly refreshSoon = debounce(() => this.refresh(), TYPING_TIME);

    @postConstruct()
    protected init(): void {
        this.id = SessionsWidget.ID;
        this.title.label = SessionsWidget.LABEL;
        this.title.caption = SessionsWidget.LABEL;
        this.title.iconClass = codicon('layers');
        this.title.closable = true;
        this.addClass('theia-bridge-sessions');
        this.scrollOptions = { suppressScrollX: true };
        this.toDispose.push(this.service.onDidChange(() => this.refresh()));
        this.toDispose.push(this.service.onDidChangeCurrent(() => this.update()));
        this.update();
    }

    /** Nothing is asked for while nobody looks. */
    async refresh(): Promise<void> {
        if (!this.isVisible) {
            return;
        }
        const asked = ++this.asked;
        const { search, tag } = this;
        const [listed, deleted] = await Promise.all([
            this.ask(() => this.service.list({ search, tag }), this.listed),
            this.showsDeleted ? this.ask(() => this.service.list({ search, deleted: true }), this.deleted) : this.deleted
        ]);
        if (asked === this.asked) {
            this.listed = listed;
            this.deleted = deleted;
            this.update();
        }
    }

    /** What was there before stays where there is no answer. */
    protected async ask(list: () => Promise<Session[]>, before: Listed): Promise<Listed> {
        try {
            return { sessions: await list(), error: undefined };
        } catch (error) {
            return { sessions: before.sessions, error: error instanceof Error ? error.message : String(error) };
        }
    }

    protected override onAfterShow(message: Message): void {
        super.onAfterShow(message);
        this.refresh();
    }

    protected override onAfterAttach(message: Message): void {
        super.onAfterAttach(message);
        this.refresh();
    }

    protected override onActivateRequest(message: Message): void {
        super.onActivateRequest(message);
        (this.node.querySelector<HTMLElement>('[role=row][tabindex="0"]') ?? this.node.querySelector('input'))?.focus();
    }

    protected render(): React.ReactNode {
        return <React.Fragment>
            {this.renderSearch()}
            {this.renderListed(this.listed)}
            {this.renderDeleted()}
        </React.Fragment>;
    }

    protected renderSearch(): React.ReactNode {
        const label = nls.localize('theia-bridge/sessions/search', 'Search sessions');
        const noTag = nls.localize('theia-bridge/sessions/noTag', 'Show all tags');
        return <div className='theia-bridge-sessions-search'>
            <input
                className='theia-input' type='search' placeholder={label} aria-label={label} spellCheck={false} defaultValue={this.search}
                onChange={event => this.searchFor(event.target.value)}
                onKeyDown={event => event.key === 'ArrowDown' && this.focusRow(0, event)}
            />
            {this.tag !== undefined && <button className='theia-bridge-sessions-tag' title={noTag} aria-label={`${this.tag}: ${noTag}`} onClick={() => this.filterBy(undefined)}>
                {this.tag}<span className={codicon('close')}></span>
            </button>}
        </div>;
    }

    protected renderListed({ sessions, error }: Listed): React.ReactNode {
        return <React.Fragment>
            {this.renderError(error)}
            <div className='theia-bridge-sessions-count' role='status'>
                {sessions && (this.search || this.tag) && sessions.length > 0
                    ? nls.localize('theia-bridge/sessions/found', '{0} found', sessions.length) : ''}
            </div>
            {sessions && (sessions.length ? this.renderGrid(sessions, SessionsWidget.LABEL) : this.renderNothing())}
        </React.Fragment>;
    }

    protected renderNothing(): React.ReactNode {
        return <div className='theia-widget-noInfo'>{this.search || this.tag
            ? nls.localize('theia-bridge/sessions/notFound', 'No session has this in its name, tags or description.')
            : nls.localize('theia-bridge/sessions/none', 'You have no session.')}</div>;
    }

    protected renderError(error: string | undefined): React.ReactNode {
        return error && <div className='theia-bridge-sessions-error' role='alert'>
            <span className={codicon('error')}></span>
            <span>{error}</span>
            <button className='theia-button secondary' onClick={() => this.refresh()}>{nls.localize('theia-bridge/sessions/again', 'Try Again')}</button>
        </div>;
    }

    protected renderDeleted(): React.ReactNode {
        const label = nls.localize('theia-bridge/sessions/deletedTitle', 'Deleted sessions');
        const { sessions, error } = this.deleted;
        return <section className='theia-bridge-sessions-deleted'>
            <button className='theia-bridge-sessions-toggle' aria-expanded={this.showsDeleted} onClick={() => this.toggleDeleted()}>
                <span className={codicon(this.showsDeleted ? 'chevron-down' : 'chevron-right')}></span>{label}
            </button>
            {this.showsDeleted && !this.listed.error && this.renderError(error)}
            {this.showsDeleted && sessions && (sessions.length
                ? this.renderGrid(sessions, label)
                : <div className='theia-widget-noInfo'>{this.search
                    ? nls.localize('theia-bridge/sessions/notFoundDeleted', 'No deleted session has this in its name, tags or description.')
                    : nls.localize('theia-bridge/sessions/noneDeleted', 'No session was deleted.')}</div>)}
        </section>;
    }

    protected renderGrid(sessions: Session[], label: string): React.ReactNode {
        const first = sessions.some(({ id }) => id === this.selected) ? this.selected : sessions[0].id;
        return <div className='theia-bridge-sessions-list' role='grid' aria-label={label}>
            {sessions.map(session => this.renderRow(session, session.id === first))}
        </div>;
    }

    protected renderRow(session: Session, focusable: boolean): React.ReactNode {
        const { id, name, tags, description, parent } = session;
        const open = id === this.service.currentId && !session.deletedAt;
        const classes = ['theia-bridge-session', ...id === this.selected ? ['theia-mod-selected'] : [], ...open ? ['theia-mod-open'] : []];
        return <div
            key={id} className={classes.join(' ')} role='row' tabIndex={focusable ? 0 : -1} data-session={id}
            aria-selected={id === this.selected} aria-current={open || undefined} title={[name, longAboutText(session), description].filter(text => text).join('\n')}
            onFocus={() => this.select(session)} onDoubleClick={() => this.run(session)}
            onContextMenu={event => this.showMenu(session, event)} onKeyDown={event => this.handleKey(session, event)}
        >
            <div className='theia-bridge-session-cell' role='gridcell'>
                <div className='theia-bridge-session-name'>
                    <span className={codicon(parent ? 'repo-forked' : 'layers')}></span>
                    <span className='theia-bridge-session-label'>{name}</span>
                    {open && <span className='theia-bridge-session-open'>{nls.localize('theia-bridge/sessions/open', 'open')}</span>}
                </div>
                <div className='theia-bridge-session-about'>{aboutText(session)}</div>
                {tags.length > 0 && <div className='theia-bridge-session-tags'>{tags.map(tag => this.renderTag(session, tag))}</div>}
            </div>
            <div className='theia-bridge-session-actions' role='gridcell'>{session.deletedAt
                ? this.renderAction(session, SessionCommands.RESTORE.id, 'discard', nls.localizeByDefault('Restore'))
                : <React.Fragment>
                    {this.renderAction(session, SessionCommands.OPEN_IN_NEW_WINDOW.id, 'empty-window', nls.localizeByDefault('Open in New Window'))}
                    {this.service.mayChange && this.renderAction(session, SessionCommands.EDIT.id, 'edit', nls.localize('theia-bridge/sessions/editIt', 'Rename and Edit'))}
                    {this.service.mayChange && this.renderAction(session, SessionCommands.DELETE.id, 'trash', nls.localizeByDefault('Delete'))}
                </React.Fragment>}
            </div>
        </div>;
    }

    protected renderTag(session: Session, tag: string): React.ReactNode {
        if (session.deletedAt) {
            return <span key={tag} className='theia-bridge-sessions-tag'>{tag}</span>;
        }
        const only = nls.localize('theia-bridge/sessions/onlyTag', 'Show only sessions tagged {0}', tag);
        return <button key={tag} className='theia-bridge-sessions-tag' tabIndex={-1} title={only} onClick={() => this.filterBy(tag)} onDoubleClick={notOfRow}>{tag}</button>;
    }

    protected renderAction({ id, name }: Session, command: string, icon: string, title: string): React.ReactNode {
        const run = (event: React.SyntheticEvent): void => {
            event.stopPropagation();
            this.commands.executeCommand(command, id);
        };
        return <button className={codicon(icon, true)} tabIndex={-1} title={title} aria-label={`${title}: ${name}`} onClick={run} onDoubleClick={notOfRow}></button>;
    }

    protected searchFor(text: string): void {
        this.search = text.trim();
        this.refreshSoon();
    }

    protected filterBy(tag: string | undefined): void {
        this.tag = tag;
        this.update();
        this.refresh();
    }

    protected toggleDeleted(): void {
        this.showsDeleted = !this.showsDeleted;
        this.update();
        this.refresh();
    }

    protected select({ id }: Session): void {
        if (this.selected !== id) {
            this.selected = id;
            this.update();
        }
    }

    /** What Enter and a double click are for. */
    protected run({ id, deletedAt }: Session): void {
        this.commands.executeCommand((deletedAt ? SessionCommands.RESTORE : SessionCommands.OPEN).id, id);
    }

    protected handleKey(session: Session, event: React.KeyboardEvent<HTMLElement>): void {
        if (event.target !== event.currentTarget || event.altKey || event.metaKey) {
            return;
        }
        const rows = this.rows();
        const at = rows.indexOf(event.currentTarget);
        switch (event.key) {
            case 'ArrowDown': return this.focusRow(at + 1, event);
            case 'ArrowUp': return this.focusRow(at - 1, event);
            case 'Home': return this.focusRow(0, event);
            case 'End': return this.focusRow(rows.length - 1, event);
            case 'ContextMenu': return this.showMenu(session, event);
            case 'F10': return event.shiftKey ? this.showMenu(session, event) : undefined;
        }
        const command = this.commandOf(session, event);
        if (command) {
            event.preventDefault();
            event.stopPropagation();
            this.commands.executeCommand(command, session.id);
        }
    }

    protected commandOf({ deletedAt }: Session, { key, ctrlKey }: React.KeyboardEvent): string | undefined {
        if (key === 'Enter') {
            return (deletedAt ? SessionCommands.RESTORE : ctrlKey ? SessionCommands.OPEN_IN_NEW_WINDOW : SessionCommands.OPEN).id;
        }
        if (deletedAt || !this.service.mayChange) {
            return undefined;
        }
        return key === 'F2' ? SessionCommands.EDIT.id : key === 'Delete' ? SessionCommands.DELETE.id : undefined;
    }

    protected rows(): HTMLElement[] {
        return Array.from(this.node.querySelectorAll<HTMLElement>('[role=row]'));
    }

    protected focusRow(index: number, event: React.KeyboardEvent): void {
        event.preventDefault();
        event.stopPropagation();
        if (index < 0) {
            this.node.querySelector('input')?.focus();
        } else {
            this.rows()[index]?.focus();
        }
    }

    protected showMenu(session: Session, event: React.MouseEvent<HTMLElement> | React.KeyboardEvent<HTMLElement>): void {
        event.preventDefault();
        event.stopPropagation();
        this.select(session);
        const menuPath: MenuPath = session.deletedAt ? DELETED_SESSION_CONTEXT_MENU : SESSION_CONTEXT_MENU;
        const { left, bottom } = event.currentTarget.getBoundingClientRect();
        const anchor = 'clientX' in event ? { x: event.clientX, y: event.clientY } : { x: left + 20, y: bottom };
        this.menus.render({ menuPath, anchor, args: [session.id], context: this.node });
    }
}
