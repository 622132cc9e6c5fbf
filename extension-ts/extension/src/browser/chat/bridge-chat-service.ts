import { FrontendChatServiceImpl } from '@theia/ai-chat/lib/browser/frontend-chat-service';
import { ChatModelWithMetadata } from '@theia/ai-chat/lib/common/chat-session-store';
import { ChatSessionStatus, MutableChatModel } from '@theia/ai-chat/lib/common/chat-model';
import { SerializedChatData } from '@theia/ai-chat/lib/common/chat-model-serialization';
import { ChatSession } from '@theia/ai-chat/lib/common/chat-service';
import { inject, injectable, postConstruct } from '@theia/core/shared/inversify';
import { BridgeChatSessionStore } from './bridge-chat-session-store';

/** Chats that other windows may change too: what they add is shown here, as soon as it does not disturb. */
@injectable()
export class BridgeChatService extends FrontendChatServiceImpl {

    @inject(BridgeChatSessionStore)
    protected readonly chats: BridgeChatSessionStore;

    protected readonly restoring = new Map<string, Promise<ChatSession | undefined>>();
    protected readonly refreshing = new Map<string, Promise<void>>();
    /** Chats that have changed elsewhere, and are busy here. */
    protected readonly outdated = new Set<string>();

    @postConstruct()
    protected init(): void {
        this.chats.onDidChange(id => {
            for (const session of id === undefined ? this.getSessions() : [this.getSession(id)]) {
                if (session && !session.model.isEmpty()) {
                    this.refresh(session.id);
                }
            }
            // Lists of chats are read anew.
            this.onSessionEventEmitter.fire({ type: 'renamed', sessionId: id ?? '' });
        });
    }

    /** Two that want the same chat at once get the same. */
    override getOrRestoreSession(sessionId: string): Promise<ChatSession | undefined> {
        let restoring = this.restoring.get(sessionId);
        if (!restoring) {
            restoring = this.restore(sessionId).finally(() => this.restoring.delete(sessionId));
            this.restoring.set(sessionId, restoring);
        }
        return restoring;
    }

    /** The page goes away. */
    leave(): void {
        this.chats.leave(this.getSessions().map(session => this.toStored(session)));
    }

    protected async restore(sessionId: string): Promise<ChatSession | undefined> {
        const known = this.getSession(sessionId) !== undefined;
        const session = await super.getOrRestoreSession(sessionId);
        if (session && !known) {
            this.chats.didAdopt(this.toStored(session));
            this.refreshWhenIdle(session);
        }
        return session;
    }

    override createSession(...args: Parameters<FrontendChatServiceImpl['createSession']>): ChatSession {
        const session = super.createSession(...args);
        this.refreshWhenIdle(session);
        return session;
    }

    protected refreshWhenIdle({ id, model }: ChatSession): void {
        model.onDidChange(() => {
            if (this.outdated.has(id)) {
                this.refresh(id);
            }
        });
    }

    protected refresh(id: string): Promise<void> {
        let refreshing = this.refreshing.get(id);
        if (refreshing) {
            this.outdated.add(id);
        } else {
            refreshing = this.refreshNow(id)
                .catch(error => this.logger.warn(`The chat ${id} is not shown as it is: ${error instanceof Error ? error.message : error}`))
                .finally(() => {
                    this.refreshing.delete(id);
                    const session = this.getSession(id);
                    if (session && this.outdated.has(id) && !this.isBusy(session)) {
                        this.refresh(id);
                    }
                });
            this.refreshing.set(id, refreshing);
        }
        return refreshing;
    }

    protected async refreshNow(id: string): Promise<void> {
        const session = this.getSession(id);
        this.outdated.delete(id);
        if (!session) {
            return;
        }
        if (this.isBusy(session)) {
            this.outdated.add(id);
            return;
        }
        if (!this.chats.isSaved(this.toStored(session))) {
            await this.saveSession(id);
        }
        const read = await this.chats.readIfChanged(id);
        if (!read) {
            this.removeDeleted(id);
        } else if (read.data) {
            const { data } = read;
            const model = new MutableChatModel(data.model);
            await this.restoreSessionData(model, data.model);
            if (this.isBusy(session) || !this.chats.isSaved(this.toStored(session))) {
                // Something was said meanwhile.
                model.dispose();
                this.outdated.add(id);
            } else {
                this.show(session, model, data);
            }
        }
    }

    /** Puts another model in place of the one that a chat has. */
    protected show(session: ReturnType<FrontendChatServiceImpl['getSessions']>[number], model: MutableChatModel, data: SerializedChatData): void {
        const before = session.model;
        model.rootSessionId = data.rootSessionId;
        model.parentSessionId = data.parentSessionId;
        model.context.addVariables(...before.context.getVariables());
        session.model = model;
        session.title = data.title;
        session.pinnedAgent = data.pinnedAgentId ? this.chatAgentService.getAgent(data.pinnedAgentId, true) : undefined;
        session.lastInteraction = new Date(data.saveDate);
        this.chats.didAdopt(this.toStored(session));
        this.setupAutoSaveForSession(session);
        this.refreshWhenIdle(session);
        if (session.isActive) {
            this.onSessionEventEmitter.fire({ type: 'activeChange', sessionId: session.id });
        }
        before.dispose();
    }

    /** A chat that another window has deleted goes here too, without being deleted again. */
    protected removeDeleted(id: string): void {
        const session = this.getSession(id);
        if (session) {
            this.chats.forget(id);
            this._sessions = this._sessions.filter(other => other !== session);
            if (session.isActive) {
                this.setActiveSession(undefined);
            }
            session.model.dispose();
            this.onSessionEventEmitter.fire({ type: 'deleted', sessionId: id });
        }
    }

    /** Whether an answer is under way, or a request is being edited. */
    protected isBusy({ model }: ChatSession): boolean {
        return ChatSessionStatus.isInProgress(model.status) || (model as MutableChatModel).getRequests().some(request => request.isEditing);
    }

    /** A chat as it is handed to the store, here as in `saveSession`. */
    protected toStored({ model, title, pinnedAgent, lastInteraction, rootSessionId, parentSessionId }: ChatSession): ChatModelWithMetadata {
        const response = model.getRequests().at(-1)?.response;
        return {
            model,
            title,
            pinnedAgentId: pinnedAgent?.id,
            lastInteraction: lastInteraction?.getTime(),
            hasError: response?.isComplete === true && response.isError,
            rootSessionId,
            parentSessionId
        };
    }
}
