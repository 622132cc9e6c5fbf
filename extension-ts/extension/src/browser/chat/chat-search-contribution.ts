import { AI_CHAT_OPEN_SESSION } from '@theia/ai-chat-ui/lib/browser/chat-view-commands';
import { ChatViewWidget } from '@theia/ai-chat-ui/lib/browser/chat-view-widget';
import { FrontendApplicationContribution } from '@theia/core/lib/browser/frontend-application-contribution';
import { TabBarToolbarContribution, TabBarToolbarRegistry } from '@theia/core/lib/browser/shell/tab-bar-toolbar';
import { CancellationToken, CancellationTokenSource } from '@theia/core/lib/common/cancellation';
import { CommandContribution, CommandRegistry } from '@theia/core/lib/common/command';
import { MessageService } from '@theia/core/lib/common/message-service';
import { nls } from '@theia/core/lib/common/nls';
import { QuickInputService, QuickPick, QuickPickItem } from '@theia/core/lib/common/quick-pick-service';
import debounce = require('@theia/core/shared/lodash.debounce');
import { inject, injectable } from '@theia/core/shared/inversify';
import { formatTime } from '../../common/format-time';
import { Chat, ChatIndex } from '../../common/protocol.generated';
import { BridgeConnection } from '../connection/bridge-connection';
import { SessionCommands } from '../sessions/session-commands';
import { SessionsService } from '../sessions/sessions-service';
import { ChatCommands } from './chat-commands';

/** How long after a key another one is waited for, in milliseconds. */
const TYPING = 250;

/** So many are shown: whoever wants others says more of them. */
const SHOWN = 50;

/** Letters that a search may have. */
const LONGEST = 200;

/** Where a page that leads to another session leaves which chat is to be shown there. */
const TO_SHOW = 'theia-bridge:chat-to-show';

interface ChatItem extends QuickPickItem {
    readonly chat: Chat;
}

/** Finds what was said in any of the user's chats, whatever session it was said in. */
@injectable()
export class ChatSearchContribution implements CommandContribution, TabBarToolbarContribution, FrontendApplicationContribution {

    @inject(BridgeConnection)
    protected readonly connection: BridgeConnection;

    @inject(SessionsService)
    protected readonly sessions: SessionsService;

    @inject(QuickInputService)
    protected readonly quickInput: QuickInputService;

    @inject(MessageService)
    protected readonly messages: MessageService;

    @inject(CommandRegistry)
    protected readonly commands: CommandRegistry;

    registerCommands(commands: CommandRegistry): void {
        commands.registerCommand(ChatCommands.SEARCH, { execute: () => this.search().catch(error => this.tell(error)) });
    }

    registerToolbarItems(toolbar: TabBarToolbarRegistry): void {
        toolbar.registerItem({
            id: ChatCommands.SEARCH.id,
            command: ChatCommands.SEARCH.id,
            isVisible: widget => widget instanceof ChatViewWidget
        });
    }

    /** The page was loaded to show a chat of its session. */
    async onDidInitializeLayout(): Promise<void> {
        const kept = sessionStorage.getItem(TO_SHOW);
        if (kept !== null) {
            sessionStorage.removeItem(TO_SHOW);
            const { session, id } = JSON.parse(kept) as { session: string, id: string };
            if (session === (await this.connection.info).session) {
                await this.show(id);
            }
        }
    }

    protected async search(): Promise<void> {
        const names = new Map((await this.sessions.list({})).map(({ id, name }) => [id, name]));
        const pick = this.quickInput.createQuickPick<ChatItem>();
        pick.placeholder = nls.localize('theia-bridge/chat/searchHint', 'Words that were said in any of your conversations');
        let searching = new CancellationTokenSource();
        const find = (): void => {
            searching.cancel();
            searching = new CancellationTokenSource();
            this.find(pick, names, searching.token);
        };
        const findSoon = debounce(find, TYPING);
        pick.onDidChangeValue(findSoon);
        pick.onDidAccept(() => {
            const [chosen] = pick.selectedItems;
            if (chosen) {
                pick.hide();
                this.open(chosen.chat);
            }
        });
        pick.onDidHide(() => {
            findSoon.cancel();
            searching.cancel();
            pick.dispose();
        });
        pick.show();
        find();
    }

    protected async find(pick: QuickPick<ChatItem>, names: ReadonlyMap<string, string>, token: CancellationToken): Promise<void> {
        const q = pick.value.trim().slice(0, LONGEST) || null;
        const items: ChatItem[] = [];
        pick.busy = true;
        try {
            for (let after: string | null = null; items.length < SHOWN;) {
                const { chats, next }: ChatIndex = await this.connection.request('chat.index', { allSessions: true, q, after, limit: SHOWN });
                if (token.isCancellationRequested) {
                    return;
                }
                items.push(...chats.filter(({ session }) => names.has(session)).map(chat => this.toItem(chat, names.get(chat.session)!)));
                pick.items = items;
                if (next === null) {
                    break;
                }
                after = next;
            }
            if (!items.length) {
                pick.items = [];
            }
        } catch (error) {
            if (token.isCancellationRequested) {
                return;
            }
            this.tell(error);
        }
        pick.busy = false;
    }

    protected tell(error: unknown): void {
        this.messages.error(error instanceof Error ? error.message : String(error));
    }

    protected toItem(chat: Chat, session: string): ChatItem {
        return {
            chat,
            label: chat.title || nls.localize('theia-bridge/chat/untitled', 'Untitled chat'),
            description: `${session} · ${formatTime(chat.updatedAt)}`,
            // What was looked for may be in its messages alone.
            alwaysShow: true
        };
    }

    protected async open({ id, session }: Chat): Promise<void> {
        if (session === (await this.connection.info).session) {
            await this.show(id);
        } else {
            sessionStorage.setItem(TO_SHOW, JSON.stringify({ session, id }));
            await this.commands.executeCommand(SessionCommands.OPEN.id, session);
        }
    }

    protected async show(id: string): Promise<void> {
        try {
            await this.commands.executeCommand(AI_CHAT_OPEN_SESSION.id, id);
        } catch (error) {
            this.messages.error(nls.localize('theia-bridge/chat/notShown', 'The chat cannot be shown: {0}', error instanceof Error ? error.message : String(error)));
        }
    }
}
