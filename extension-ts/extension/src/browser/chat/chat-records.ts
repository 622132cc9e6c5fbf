import { ChatAgentLocation } from '@theia/ai-chat/lib/common/chat-agents';
import {
    CHAT_DATA_VERSION, SerializableChatRequestData, SerializableChatResponseContentData, SerializableChatResponseData, SerializedChatData,
    SerializedChatModel
} from '@theia/ai-chat/lib/common/chat-model-serialization';
import { Chat, ChatMessage, StoredMessage } from '../../common/protocol.generated';
import { Branches, fromBranches, toBranches } from './chat-branches';
import { withoutReferences, withReferences } from './text-references';

/** What a chat has besides its messages, where Theia keeps it and we have no field for it. */
export interface ChatMetadata {
    readonly location?: ChatAgentLocation;
    readonly settings?: SerializedChatModel['settings'];
    readonly rootSession?: string;
    readonly parentSession?: string;
    readonly hasError?: boolean;
    /** When the user last did something in it: milliseconds since 1970. */
    readonly usedAt?: number;
    readonly rootBranch?: string;
    /** The requests that are shown though there are newer alternatives to them. */
    readonly shown?: readonly string[];
}

/** A message as it is to be stored. */
export type MessageForm = Required<Omit<StoredMessage, 'ifMatch'>>;

/** A message as it is stored. */
export type ReadMessage = Omit<ChatMessage, 'createdAt' | 'updatedAt'>;

interface RequestForm {
    readonly kind: 'request';
    readonly branch: string;
    readonly request: Omit<SerializableChatRequestData, 'id' | 'text'>;
}

interface ResponseForm {
    readonly kind: 'response';
    readonly response: Omit<SerializableChatResponseData, 'id' | 'requestId'>;
}

/** What one reads as the text of a message; what a model thinks, and tools do, is not part of it. */
const TEXTUAL = new Set(['text', 'markdownContent', 'code', 'command', 'horizontal', 'unknown']);

/** The messages of a chat, each behind the one it follows. */
export function toMessages(model: SerializedChatModel): MessageForm[] {
    const responses = new Map(model.responses.map(response => [response.requestId, response]));
    const requests = new Map(model.requests.map(request => [request.id, request]));
    return fromBranches(model.hierarchy).flatMap(({ id, branch, follows }) => {
        const response = responses.get(id);
        const before = follows === undefined ? undefined : responses.get(follows)?.id ?? follows;
        return [toRequestMessage(requests.get(id)!, branch, before), ...response ? [toResponseMessage(response)] : []];
    });
}

/** The requests that are shown though there are newer alternatives. */
export function toShown(model: SerializedChatModel): string[] {
    return Object.values(model.hierarchy.branches).flatMap(({ items, activeBranchIndex }) =>
        activeBranchIndex >= 0 && activeBranchIndex < items.length - 1 ? [items[activeBranchIndex].requestId] : []);
}

/** The chat as Theia reads it, from all of its messages in their order. */
export function fromMessages(chat: Chat, messages: readonly ReadMessage[]): SerializedChatData {
    const metadata = JSON.parse(chat.metadata) as ChatMetadata;
    const requests: SerializableChatRequestData[] = [];
    const responses: SerializableChatResponseData[] = [];
    const branches = new Branches();
    /** The request that a message is, or answers. */
    const exchange = new Map<string, string>();
    const answered = new Map<string, SerializableChatResponseData>();
    let last: string | undefined;
    for (const message of messages) {
        const form = JSON.parse(message.data) as RequestForm | ResponseForm | null;
        const parent = message.parent ?? undefined;
        if (message.role === 'user') {
            const own = form?.kind === 'request' ? form : undefined;
            // One that is not ours follows the one before it, as nobody said otherwise.
            const before = parent ?? (own ? undefined : last);
            branches.add(message.id, before === undefined ? undefined : exchange.get(before), own?.branch);
            const data = withoutReferences(own?.request, message.content) as RequestForm['request'] | undefined;
            requests.push({ ...data, id: message.id, text: message.content });
            exchange.set(message.id, message.id);
        } else if (message.role === 'assistant') {
            const before = parent ?? last;
            const request = before === undefined ? undefined : exchange.get(before);
            if (request === undefined) {
                continue; // It answers nothing, and there is no place to show it.
            }
            exchange.set(message.id, request);
            const response = toResponse(message, request, form?.kind === 'response' ? form : undefined);
            const first = answered.get(request);
            if (first) {
                first.content.push(...response.content);
            } else {
                answered.set(request, response);
                responses.push(response);
            }
        } else {
            continue;
        }
        last = message.id;
    }
    for (const { id } of requests) {
        if (!answered.has(id)) {
            // Without a response of its own Theia would wait for one.
            responses.push({ id: `${id.slice(0, 55)}.response`, requestId: id, isComplete: true, isError: false, content: [] });
        }
    }
    return {
        version: CHAT_DATA_VERSION,
        title: chat.title || undefined,
        pinnedAgentId: chat.agent ?? undefined,
        saveDate: metadata.usedAt ?? chat.updatedAt,
        rootSessionId: metadata.rootSession,
        parentSessionId: metadata.parentSession,
        model: {
            sessionId: chat.id,
            location: metadata.location ?? ChatAgentLocation.Panel,
            hierarchy: toBranches(branches, metadata.rootBranch, new Set(metadata.shown)),
            requests,
            responses,
            settings: metadata.settings
        }
    };
}

function toRequestMessage({ id, text, ...request }: SerializableChatRequestData, branch: string, parent: string | undefined): MessageForm {
    const content = text.toWellFormed();
    const form: RequestForm = { kind: 'request', branch, request: withReferences(request, content) as RequestForm['request'] };
    return { id, role: 'user', content, data: JSON.stringify(form), model: null, parent: parent ?? null };
}

function toResponseMessage({ id, requestId, ...response }: SerializableChatResponseData): MessageForm {
    const content = textOf(response.content) || (response.errorMessage ?? '').toWellFormed();
    const form: ResponseForm = { kind: 'response', response: withReferences(response, content) as ResponseForm['response'] };
    return { id, role: 'assistant', content, data: JSON.stringify(form), model: response.languageModel?.slice(0, 200) || null, parent: requestId };
}

function toResponse({ id, content, model }: ReadMessage, requestId: string, form: ResponseForm | undefined): SerializableChatResponseData {
    if (form) {
        return { ...withoutReferences(form.response, content) as ResponseForm['response'], id, requestId };
    }
    const part = { kind: 'markdownContent', fallbackMessage: content, data: { content } };
    return { id, requestId, isComplete: true, isError: false, languageModel: model ?? undefined, content: [part] };
}

function textOf(parts: readonly SerializableChatResponseContentData[]): string {
    return parts
        .filter(({ kind, fallbackMessage }) => fallbackMessage && TEXTUAL.has(kind))
        .map(({ fallbackMessage }) => fallbackMessage!.toWellFormed())
        .join('\n\n');
}
