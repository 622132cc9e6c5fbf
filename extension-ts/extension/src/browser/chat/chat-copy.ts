import { BridgeError } from '../../common/bridge-error';
import { Chat, ChatContent, ChatStored, ChatStoreParams, StoredMessage } from '../../common/protocol.generated';
import { BridgeConnection } from '../connection/bridge-connection';
import { ChatMetadata, MessageForm, ReadMessage } from './chat-records';

/** What a chat has besides its messages. */
export interface ChatFields {
    readonly title: string;
    readonly agent: string | null;
    readonly metadata: ChatMetadata;
}

/** All of a chat, as it is to be stored. */
export interface ChatForm {
    readonly fields: ChatFields;
    readonly messages: readonly MessageForm[];
}

export interface ReadChat {
    readonly chat: Chat;
    /** All of them, in their order. */
    readonly messages: readonly ReadMessage[];
}

interface KnownMessage {
    readonly etag: string;
    readonly position: number;
    /** What this page's model said of it when both were equal: JSON. */
    readonly said: string;
}

/** Of messages that are sent in one call: their number, and their length in characters, where it is more than one. */
const MESSAGES_AT_ONCE = 100;
const LENGTH_AT_ONCE = 1024 * 1024;

/** Bytes of metadata that the server takes, less some for what Theia may come to add. */
const METADATA_LIMIT = 15 * 1024;

/** How often a save is tried that others are faster than. */
const ATTEMPTS = 10;

/**
 * What the server has of a chat, as far as this page knows, and how to bring it what is new. Only what changed here since
 * both were equal is sent. What others changed meanwhile stays, unless it was changed here too.
 */
export class ChatCopy {

    protected etag: string | undefined;
    protected fields: ChatFields | undefined;
    /** What this page's model said of them when both were equal. */
    protected said: ChatFields | undefined;
    protected readonly messages = new Map<string, KnownMessage>();

    protected waiting: (() => ChatForm) | undefined;
    protected saving: Promise<void> | undefined;
    protected stopped = false;

    constructor(readonly id: string, protected readonly connection: BridgeConnection) { }

    /** Whether the server has it, as far as is known. */
    get stored(): boolean {
        return this.etag !== undefined;
    }

    /**
     * Saves what is new. One save runs at a time, and what comes meanwhile waits for the next; of several, the last.
     *
     * @param form says what the chat is when its turn has come.
     * @throws BridgeError
     */
    save(form: () => ChatForm): Promise<void> {
        this.waiting = form;
        this.saving ??= this.saveWaiting().finally(() => this.saving = undefined);
        return this.saving;
    }

    /** It was deleted: a save that is under way does not bring it back. */
    stop(): void {
        this.stopped = true;
        this.waiting = undefined;
    }

    /** What is to be sent for a chat to be stored: what is new, in calls the server takes. Empty if nothing is. */
    changes({ fields, messages }: ChatForm): ChatStoreParams[] {
        const changed = this.changedFields(this.merged(fields));
        const calls: ChatStoreParams[] = [];
        let batch: StoredMessage[] = [];
        let length = 0;
        const close = (): void => {
            calls.push({ id: this.id, ifMatch: this.etag ?? null, ...calls.length ? {} : changed, messages: batch });
            batch = [];
            length = 0;
        };
        for (const message of messages) {
            const known = this.messages.get(message.id);
            if (known?.said === JSON.stringify(message)) {
                continue;
            }
            const own = message.content.length + message.data.length;
            if (batch.length === MESSAGES_AT_ONCE || batch.length && length + own > LENGTH_AT_ONCE) {
                close();
            }
            batch.push({ ...message, ifMatch: known?.etag ?? null });
            length += own;
        }
        if (batch.length || Object.keys(changed).length) {
            close();
        }
        return calls;
    }

    /**
     * All messages, from the server where they are not known to be as they were.
     *
     * @throws BridgeError
     */
    async read(): Promise<ReadChat & { readonly changed: boolean }> {
        const { chat, fresh } = await this.readFresh();
        const changed = fresh.length > 0 || chat.etag !== this.etag;
        const all = new Map<string, ReadMessage>();
        for (const [id, { etag, position, said }] of this.messages) {
            all.set(id, { ...JSON.parse(said) as MessageForm, etag, position });
        }
        fresh.forEach(message => all.set(message.id, message));
        return { chat, messages: [...all.values()].sort((one, other) => one.position - other.position), changed };
    }

    /** This page's model is what was read. */
    didAdopt({ fields, messages }: ChatForm, { chat, messages: read }: ReadChat): void {
        this.etag = chat.etag;
        this.fields = toFields(chat);
        this.said = fields;
        const said = new Map(messages.map(message => [message.id, JSON.stringify(message)]));
        this.messages.clear();
        for (const { id, etag, position, role, content, data, model, parent } of read) {
            // What is not shown is kept as it is.
            this.messages.set(id, { etag, position, said: said.get(id) ?? JSON.stringify({ id, role, content, data, model, parent }) });
        }
    }

    /**
     * Saves those messages that the server has not, or has only a part of.
     *
     * @throws BridgeError
     */
    async add(form: ChatForm): Promise<void> {
        let read: ReadChat;
        try {
            read = await this.read();
        } catch (error) {
            if (error instanceof BridgeError && error.kind === 'NotFound') {
                return this.save(() => form);
            }
            throw error;
        }
        const fields = toFields(read.chat);
        this.didAdopt({ fields, messages: [] }, read);
        const there = new Map(read.messages.map(message => [message.id, message]));
        const messages = form.messages.filter(({ id, data }) => !there.has(id) || !isWhole(there.get(id)!.data) && isWhole(data));
        return this.save(() => ({ fields, messages }));
    }

    protected async saveWaiting(): Promise<void> {
        while (this.waiting) {
            const form = this.waiting;
            this.waiting = undefined;
            await this.saveNow(form());
        }
    }

    protected async saveNow(form: ChatForm): Promise<void> {
        for (let attempt = 1; ; attempt++) {
            try {
                for (const call of this.changes(form)) {
                    this.didStore(form.fields, call, await this.connection.request('chat.store', call));
                }
                return;
            } catch (error) {
                if (!(error instanceof BridgeError) || attempt === ATTEMPTS) {
                    throw error;
                }
                if (error.kind === 'Conflict') {
                    await this.catchUp(form.messages);
                } else if (error.kind === 'NotFound' && this.stored && !this.stopped) {
                    // Who goes on with a chat that was deleted elsewhere wants it.
                    await this.connection.request('chat.restore', { id: this.id });
                } else {
                    throw error;
                }
            }
        }
    }

    protected didStore(fields: ChatFields, { messages = [] }: ChatStoreParams, { chat, etags }: ChatStored): void {
        this.etag = chat.etag;
        this.fields = toFields(chat);
        this.said = fields;
        const added = messages.filter(({ id }) => !this.messages.has(id));
        for (const { ifMatch: _, ...message } of messages) {
            const position = this.messages.get(message.id)?.position ?? chat.messages - added.length + added.findIndex(({ id }) => id === message.id);
            this.messages.set(message.id, { etag: etags[message.id], position, said: JSON.stringify(message) });
        }
    }

    /** Takes note of what others have changed since, so that what was changed here comes on top of it. */
    protected async catchUp(messages: readonly MessageForm[]): Promise<void> {
        const { chat, fresh } = await this.readFresh();
        const own = new Map(messages.map(message => [message.id, message]));
        for (const { id, etag, position, data } of fresh) {
            const message = own.get(id);
            if (message) {
                // An answer that is whole is not replaced by a part of it.
                const theirs = isWhole(data) && !isWhole(message.data);
                this.messages.set(id, { etag, position, said: theirs ? JSON.stringify(message) : this.messages.get(id)?.said ?? '' });
            }
        }
        this.etag = chat.etag;
        this.fields = toFields(chat);
    }

    protected async readFresh(): Promise<{ readonly chat: Chat, readonly fresh: readonly ReadMessage[] }> {
        const known = Object.fromEntries([...this.messages].map(([id, { etag }]) => [id, etag]));
        const fresh: ReadMessage[] = [];
        let after: string | null = null;
        for (;;) {
            const { chat, messages, next }: ChatContent = await this.connection.request('chat.read', { id: this.id, known, after });
            fresh.push(...messages);
            if (next === null) {
                return { chat, fresh };
            }
            after = next;
        }
    }

    /** What was changed here, and for the rest what the server has. */
    protected merged(own: ChatFields): ChatFields {
        const { said, fields } = this;
        return !said || !fields ? own : {
            title: own.title === said.title ? fields.title : own.title,
            agent: own.agent === said.agent ? fields.agent : own.agent,
            metadata: mergeMetadata(said.metadata, own.metadata, fields.metadata)
        };
    }

    protected changedFields({ title, agent, metadata }: ChatFields): Pick<ChatStoreParams, 'title' | 'agent' | 'metadata'> {
        const text = metadataText(metadata);
        const { fields } = this;
        return {
            ...title === fields?.title ? {} : { title },
            ...agent === (fields?.agent ?? null) ? {} : { agent },
            ...fields && text === metadataText(fields.metadata) ? {} : { metadata: text }
        };
    }
}

function toFields({ title, agent, metadata }: Chat): ChatFields {
    return { title, agent, metadata: JSON.parse(metadata) as ChatMetadata };
}

function isWhole(data: string): boolean {
    const form = JSON.parse(data) as { readonly response?: { readonly isComplete?: boolean } } | null;
    return form?.response?.isComplete !== false;
}

/** What was changed here, and else what they have. */
function mergeMetadata(base: ChatMetadata, own: ChatMetadata, theirs: ChatMetadata): ChatMetadata {
    const merged: Record<string, unknown> = { ...theirs };
    for (const key of new Set([...Object.keys(base), ...Object.keys(own)]) as Set<keyof ChatMetadata>) {
        if (JSON.stringify(own[key]) !== JSON.stringify(base[key])) {
            merged[key] = own[key];
        }
    }
    return { ...merged, usedAt: Math.max(own.usedAt ?? 0, theirs.usedAt ?? 0) || undefined };
}

/** Which alternatives are shown is what can be done without, where there is no room for all. */
function metadataText(metadata: ChatMetadata): string {
    const text = JSON.stringify(metadata);
    const spare = new TextEncoder().encode(text).length - METADATA_LIMIT;
    if (spare <= 0 || !metadata.shown?.length) {
        return text;
    }
    const fewer = Math.ceil(spare / (JSON.stringify(metadata.shown[0]).length + 1));
    return metadataText({ ...metadata, shown: metadata.shown.slice(fewer) });
}
