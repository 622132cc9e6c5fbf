import { ChatAgentLocation } from '@theia/ai-chat/lib/common/chat-agents';
import { ChatModel } from '@theia/ai-chat/lib/common/chat-model';
import { SerializedChatData } from '@theia/ai-chat/lib/common/chat-model-serialization';
import { ChatModelWithMetadata, ChatSessionIndex, ChatSessionMetadata, ChatSessionStore } from '@theia/ai-chat/lib/common/chat-session-store';
import { Emitter, Event } from '@theia/core/lib/common/event';
import { MessageService } from '@theia/core/lib/common/message-service';
import { nls } from '@theia/core/lib/common/nls';
import { inject, injectable, postConstruct } from '@theia/core/shared/inversify';
import { BridgeError } from '../../common/bridge-error';
import { Chat } from '../../common/protocol.generated';
import { BridgeConnection } from '../connection/bridge-connection';
import { ChatCopy, ChatForm, ReadChat } from './chat-copy';
import { ChatOutbox } from './chat-outbox';
import { ChatMetadata, fromMessages, toMessages, toShown } from './chat-records';
import { ServerAgents } from './server-agents';

/** The server takes so many characters of a title. */
const TITLE_LIMIT = 500;

/** Keeps chats on the server: one is a conversation there, and each of its requests and responses a message. */
@injectable()
export class BridgeChatSessionStore implements ChatSessionStore {

    @inject(BridgeConnection)
    protected readonly connection: BridgeConnection;

    @inject(ServerAgents)
    protected readonly agents: ServerAgents;

    @inject(MessageService)
    protected readonly messages: MessageService;

    @inject(ChatOutbox)
    protected readonly outbox: ChatOutbox;

    protected readonly onDidChangeEmitter = new Emitter<string | undefined>();
    /** Another window has changed a chat; without its id, any of them. */
    readonly onDidChange: Event<string | undefined> = this.onDidChangeEmitter.event;

    protected readonly copies = new Map<string, ChatCopy>();
    /** What was read and is not part of a model yet. */
    protected readonly reads = new Map<string, ReadChat>();
    protected readonly deleted = new Set<string>();
    /** Those that could not be saved, which was told. */
    protected readonly unsaved = new Set<string>();

    protected index: Promise<ChatSessionIndex> | undefined;
    protected lastIndex: ChatSessionIndex | undefined;

    @postConstruct()
    protected init(): void {
        this.connection.onNotification('chat.didChange', ({ id }) => this.didChange(id ?? undefined));
        this.connection.onDidOpen(() => this.didChange(undefined));
    }

    async storeSessions(...sessions: (ChatModel | ChatModelWithMetadata)[]): Promise<void> {
        await Promise.all(sessions
            .map(session => 'model' in session ? session : { model: session })
            .filter(({ model }) => !model.isEmpty() && !this.deleted.has(model.id))
            .map(session => this.store(session)));
    }

    async readSession(sessionId: string): Promise<SerializedChatData | undefined> {
        return (await this.readIfChanged(sessionId, true))?.data;
    }

    /**
     * A chat as it is on the server now.
     *
     * @param always also when it is as it was.
     * @returns nothing if it is not there, and without `data` if it has not changed.
     */
    async readIfChanged(id: string, always = false): Promise<{ readonly data?: SerializedChatData } | undefined> {
        await this.agents.whenKnown();
        try {
            const read = await this.copy(id).read();
            if (!read.changed && !always) {
                return {};
            }
            this.reads.set(id, read);
            const data = fromMessages(read.chat, read.messages);
            return { data: { ...data, pinnedAgentId: data.pinnedAgentId && this.agents.fromRecord(data.pinnedAgentId) } };
        } catch (error) {
            if (error instanceof BridgeError && error.kind === 'NotFound') {
                return undefined;
            }
            throw error;
        }
    }

    /** The chat was made what was read last: what it says from now on that is different, is new. */
    didAdopt(session: ChatModelWithMetadata): void {
        const { id } = session.model;
        const read = this.reads.get(id);
        if (read) {
            this.reads.delete(id);
            this.copy(id).didAdopt(this.toForm(session), read);
        }
    }

    /** Whether the chat is on the server as it is here. */
    isSaved(session: ChatModelWithMetadata): boolean {
        return !this.copy(session.model.id).changes(this.toForm(session)).length;
    }

    async deleteSession(sessionId: string): Promise<void> {
        this.forget(sessionId);
        this.deleted.add(sessionId);
        try {
            await this.connection.request('chat.delete', { id: sessionId });
        } catch (error) {
            if (!(error instanceof BridgeError && error.kind === 'NotFound')) {
                throw error;
            }
        }
    }

    /** The chat was deleted. */
    forget(id: string): void {
        this.copies.get(id)?.stop();
        this.copies.delete(id);
        this.reads.delete(id);
        this.index = undefined;
    }

    async clearAllSessions(): Promise<void> {
        await this.connection.request('chat.clear', undefined);
        this.copies.clear();
        this.index = undefined;
    }

    async getSessionIndex(): Promise<ChatSessionIndex> {
        if (this.connection.state !== 'online' && this.lastIndex) {
            return this.lastIndex;
        }
        this.index ??= this.readIndex();
        this.index.catch(() => this.index = undefined);
        return this.lastIndex = await this.index;
    }

    async hasPersistedSessions(): Promise<boolean> {
        return Object.keys(await this.getSessionIndex()).length > 0;
    }

    /** The page goes away: what is not saved is sent, and kept in the browser until the server is known to have it. */
    leave(sessions: readonly ChatModelWithMetadata[]): void {
        const unsaved = new Map<string, ChatForm>();
        for (const session of sessions) {
            if (!session.model.isEmpty() && !this.deleted.has(session.model.id)) {
                const form = this.toForm(session);
                const calls = this.copy(session.model.id).changes(form);
                if (calls.length) {
                    calls.forEach(call => this.connection.request('chat.store', call).catch(() => undefined));
                    const changed = new Set(calls.flatMap(({ messages = [] }) => messages.map(({ id }) => id)));
                    unsaved.set(session.model.id, { ...form, messages: form.messages.filter(({ id }) => changed.has(id)) });
                }
            }
        }
        this.outbox.keep(unsaved);
    }

    protected async store(session: ChatModelWithMetadata): Promise<void> {
        const { id } = session.model;
        try {
            await this.copy(id).save(() => this.toForm(session));
            this.unsaved.delete(id);
            this.index = undefined;
        } catch (error) {
            if (this.deleted.has(id)) {
                return;
            }
            if (!this.unsaved.has(id)) {
                this.unsaved.add(id);
                this.messages.error(nls.localize('theia-bridge/chat/notSaved', 'The chat “{0}” is not saved: {1}',
                    session.title ?? '', error instanceof Error ? error.message : String(error)));
            }
        }
    }

    protected toForm({ model, title = '', pinnedAgentId, lastInteraction, hasError, rootSessionId, parentSessionId }: ChatModelWithMetadata): ChatForm {
        const serialized = model.toSerializable();
        const metadata: ChatMetadata = {
            location: model.location === ChatAgentLocation.Panel ? undefined : model.location,
            settings: model.settings,
            rootSession: rootSessionId,
            parentSession: parentSessionId,
            hasError: hasError || undefined,
            usedAt: lastInteraction,
            rootBranch: serialized.hierarchy.rootBranchId,
            shown: toShown(serialized)
        };
        const agent = pinnedAgentId === undefined ? null : this.agents.recordOf(pinnedAgentId) ?? pinnedAgentId.slice(0, 200);
        return { fields: { title: title.slice(0, TITLE_LIMIT).toWellFormed(), agent, metadata }, messages: toMessages(serialized) };
    }

    protected copy(id: string): ChatCopy {
        let copy = this.copies.get(id);
        if (!copy) {
            copy = new ChatCopy(id, this.connection);
            this.copies.set(id, copy);
        }
        return copy;
    }

    protected async readIndex(): Promise<ChatSessionIndex> {
        await this.agents.whenKnown();
        const index: ChatSessionIndex = {};
        for (let after: string | null | undefined; after !== null;) {
            const page: { chats: Chat[], next: string | null } = await this.connection.request('chat.index', { limit: 200, after });
            page.chats.forEach(chat => index[chat.id] = this.toIndexed(chat));
            after = page.next;
        }
        return index;
    }

    protected toIndexed({ id, title, agent, metadata, updatedAt }: Chat): ChatSessionMetadata {
        const { location, hasError, rootSession, parentSession, usedAt } = JSON.parse(metadata) as ChatMetadata;
        return {
            sessionId: id,
            title: title || nls.localize('theia-bridge/chat/untitled', 'Untitled chat'),
            saveDate: usedAt ?? updatedAt,
            location: location ?? ChatAgentLocation.Panel,
            pinnedAgentId: agent === null ? undefined : this.agents.fromRecord(agent),
            hasError,
            rootSessionId: rootSession,
            parentSessionId: parentSession
        };
    }

    protected didChange(id: string | undefined): void {
        this.index = undefined;
        this.onDidChangeEmitter.fire(id);
    }
}
