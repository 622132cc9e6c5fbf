import { formatTimeAgo } from '@theia/ai-chat-ui/lib/browser/chat-date-utils';
import { ChatWelcomeMessageProvider } from '@theia/ai-chat-ui/lib/browser/chat-tree-view/chat-view-tree-widget';
import { AI_CHAT_OPEN_SESSION, AI_CHAT_SHOW_CHATS_COMMAND, ChatCommands as TheiaChatCommands } from '@theia/ai-chat-ui/lib/browser/chat-view-commands';
import { WELCOME_SCREEN_SESSIONS_PREF } from '@theia/ai-chat/lib/common/ai-chat-preferences';
import { ChatAgentService } from '@theia/ai-chat/lib/common/chat-agent-service';
import { ChatService } from '@theia/ai-chat/lib/common/chat-service';
import { codicon } from '@theia/core/lib/browser/widgets/widget';
import { CommandService } from '@theia/core/lib/common/command';
import { Emitter, Event } from '@theia/core/lib/common/event';
import { nls } from '@theia/core/lib/common/nls';
import { PreferenceService } from '@theia/core/lib/common/preferences';
import debounce = require('@theia/core/shared/lodash.debounce');
import { inject, injectable, postConstruct } from '@theia/core/shared/inversify';
import * as React from '@theia/core/shared/react';
import { BridgeConnection } from '../connection/bridge-connection';
import { ServerModels } from './server-models';

interface ListedChat {
    readonly id: string;
    readonly title: string;
    readonly usedAt: number;
    readonly agent: string | undefined;
}

/** What the chat view shows while nothing was said: what to do, and the chats there are. */
@injectable()
export class ChatWelcome implements ChatWelcomeMessageProvider {

    @inject(BridgeConnection)
    protected readonly connection: BridgeConnection;

    @inject(ServerModels)
    protected readonly models: ServerModels;

    @inject(ChatService)
    protected readonly chats: ChatService;

    @inject(ChatAgentService)
    protected readonly agents: ChatAgentService;

    @inject(CommandService)
    protected readonly commands: CommandService;

    @inject(PreferenceService)
    protected readonly preferences: PreferenceService;

    protected readonly onStateChangedEmitter = new Emitter<void>();
    readonly onStateChanged: Event<void> = this.onStateChangedEmitter.event;

    protected reading = false;
    protected listed: readonly ListedChat[] = [];

    protected readonly refreshSoon = debounce(() => this.refresh(), 200, { leading: true });

    @postConstruct()
    protected init(): void {
        this.models.onDidChange(() => this.onStateChangedEmitter.fire());
        this.chats.onSessionEvent(() => this.refreshSoon());
        this.agents.onDidChangeAgents(() => this.refreshSoon());
        this.connection.info.then(({ role }) => {
            this.reading = role === 'viewer';
            this.onStateChangedEmitter.fire();
        });
        this.refreshSoon();
    }

    get hasReadyModels(): boolean {
        return !!this.models.models?.length;
    }

    get modelRequirementBypassed(): boolean {
        return false;
    }

    renderWelcomeMessage(): React.ReactNode {
        return <div className='theia-bridge-chat-welcome'>
            {this.renderIntroduction()}
            {this.renderChats()}
        </div>;
    }

    protected renderIntroduction(): React.ReactNode {
        if (this.reading) {
            return <p>{nls.localize('theia-bridge/chat/viewer', 'You may read here, but not chat.')}</p>;
        }
        if (this.models.models === undefined) {
            return undefined;
        }
        if (!this.models.models.length) {
            return <div className='theia-bridge-chat-notice' role='status'>
                <span className={codicon('info')} />
                <p>{nls.localize('theia-bridge/chat/noModels',
                    'There is no language model to chat with yet. Whoever runs this server can set one up.')}</p>
            </div>;
        }
        return <>
            <h2>{nls.localize('theia-bridge/chat/heading', 'What would you like to know?')}</h2>
            <p>{nls.localize('theia-bridge/chat/hint', 'Type @ to ask a certain agent and # to attach a file.')}</p>
        </>;
    }

    protected renderChats(): React.ReactNode {
        const most = this.preferences.get<number>(WELCOME_SCREEN_SESSIONS_PREF, 20);
        const shown = this.listed.slice(0, most);
        if (!this.listed.length) {
            return undefined;
        }
        return <section aria-label={nls.localize('theia-bridge/chat/chats', 'Chats')}>
            {shown.length > 0 && <h3>{nls.localize('theia-bridge/chat/chats', 'Chats')}</h3>}
            <ul>{shown.map(chat => this.renderChat(chat))}</ul>
            {this.listed.length > shown.length && <button className='theia-bridge-chat-more' onClick={() => this.commands.executeCommand(AI_CHAT_SHOW_CHATS_COMMAND.id)}>
                {nls.localize('theia-bridge/chat/all', 'Show all {0} chats...', this.listed.length)}
            </button>}
        </section>;
    }

    protected renderChat({ id, title, usedAt, agent }: ListedChat): React.ReactNode {
        const subtitle = [agent && `@${agent}`, formatTimeAgo(usedAt)].filter(part => part).join(' · ');
        return <li key={id}>
            <button className='theia-bridge-chat-open' title={title} onClick={() => this.commands.executeCommand(AI_CHAT_OPEN_SESSION.id, id)}>
                <span className='theia-bridge-chat-title'>{title}</span>
                <span className='theia-bridge-chat-when'>{subtitle}</span>
            </button>
            {!this.reading && <>
                {this.renderAction('edit', nls.localizeByDefault('Rename'), title, () => this.commands.executeCommand(TheiaChatCommands.AI_CHAT_RENAME_SESSION.id, id))}
                {this.renderAction('trash', nls.localizeByDefault('Delete'), title, () => this.commands.executeCommand(TheiaChatCommands.AI_CHAT_DELETE_SESSION.id, id, true))}
            </>}
        </li>;
    }

    protected renderAction(icon: string, label: string, title: string, run: () => void): React.ReactNode {
        return <button className={`theia-bridge-chat-action ${codicon(icon, true)}`} title={label} aria-label={`${label}: ${title}`} onClick={run} />;
    }

    protected async refresh(): Promise<void> {
        const persisted = await this.chats.getPersistedSessions().catch(() => ({}));
        const byId = new Map<string, ListedChat>();
        for (const { sessionId, title, saveDate, pinnedAgentId } of Object.values(persisted)) {
            byId.set(sessionId, { id: sessionId, title, usedAt: saveDate, agent: this.nameOf(pinnedAgentId) });
        }
        for (const { id, title, model, lastInteraction, pinnedAgent } of this.chats.getSessions()) {
            if (title && !model.isEmpty()) {
                byId.set(id, { id, title, usedAt: lastInteraction?.getTime() ?? 0, agent: pinnedAgent?.name });
            }
        }
        this.listed = [...byId.values()].sort((one, other) => other.usedAt - one.usedAt);
        this.onStateChangedEmitter.fire();
    }

    protected nameOf(agent: string | undefined): string | undefined {
        return agent && this.agents.getAgent(agent, true)?.name;
    }
}
