import {
    createToolCallError, LanguageModel, LanguageModelResponse, LanguageModelStatus, LanguageModelStreamResponsePart, ToolCallResult,
    ToolInvocationContext, ToolRequest, UserRequest
} from '@theia/ai-core/lib/common/language-model';
import { CancellationToken } from '@theia/core/lib/common/cancellation';
import { generateUuid } from '@theia/core/lib/common/uuid';
import { BridgeError } from '../../common/bridge-error';
import { CompleteParams, Completion, CompletionMessage, DidDelta, ToolCall } from '../../common/protocol.generated';
import { BridgeConnection } from '../connection/bridge-connection';
import { toCompletionMessages, toCompletionSettings, toCompletionTools, toResultText } from './completion-messages';
import { PacedParts } from './paced-parts';

/** A model that goes on calling tools is stopped after so many answers. */
const ROUNDS = 50;

/** A language model of the server. What it wants to have done is done here, by Theia's tools. */
export class BridgeLanguageModel implements LanguageModel {

    readonly name: string;
    readonly vendor = 'Theia Bridge';
    readonly status: LanguageModelStatus = { status: 'ready' };

    /** @param recordOf the record of an agent that asks, if it has one: the server adds what it knows of it. */
    constructor(readonly id: string, protected readonly connection: BridgeConnection, protected readonly recordOf: (agent: string) => string | undefined) {
        this.name = id;
    }

    async request(request: UserRequest, token = request.cancellationToken ?? CancellationToken.None): Promise<LanguageModelResponse> {
        return { stream: this.converse(request, token) };
    }

    protected async *converse(request: UserRequest, token: CancellationToken): AsyncGenerator<LanguageModelStreamResponsePart> {
        const messages = toCompletionMessages(request.messages);
        for (let round = 0; round < ROUNDS && !token.isCancellationRequested; round++) {
            const said: CompletionMessage = { role: 'assistant', content: '', toolCalls: [] };
            try {
                yield* this.complete({
                    completionId: generateUuid(),
                    model: this.id,
                    messages,
                    tools: toCompletionTools(request.tools),
                    settings: toCompletionSettings(request),
                    agent: request.agentId && this.recordOf(request.agentId),
                    conversation: request.sessionId,
                    request: request.requestId
                }, said, token);
            } catch (error) {
                if (token.isCancellationRequested && error instanceof BridgeError && error.kind === 'Cancelled') {
                    return;
                }
                throw error;
            }
            const calls = said.toolCalls!;
            if (!calls.length) {
                return;
            }
            const results = await Promise.all(calls.map(call => this.callTool(call, request.tools, token)));
            yield {
                tool_calls: calls.map(({ id, name, arguments: text }, i) => ({ id, function: { name, arguments: text }, finished: true, result: results[i] }))
            };
            messages.push(said, ...calls.map(({ id }, i): CompletionMessage => ({ role: 'tool', content: toResultText(results[i]), toolCallId: id })));
        }
        if (!token.isCancellationRequested) {
            throw new Error(`${this.id} has called tools ${ROUNDS} times and was stopped.`);
        }
    }

    /** One answer. What it is in the end is put into `said`. */
    protected async *complete(params: CompleteParams, said: CompletionMessage, token: CancellationToken): AsyncGenerator<LanguageModelStreamResponsePart> {
        const parts = new PacedParts();
        const calls: ToolCall[] = [];
        const listening = this.connection.onNotification('chat.didDelta', ({ completionId, ...delta }: DidDelta) => {
            if (completionId === params.completionId) {
                this.receive(delta, parts, said, calls);
            }
        });
        const { answer, cancel } = this.connection.startCall({ method: 'chat.complete', params, encoding: 'msgpack' });
        const cancelling = token.onCancellationRequested(cancel);
        (answer as Promise<Completion>).then(({ usage }) => {
            parts.push({ input_tokens: usage.inputTokens, output_tokens: usage.outputTokens });
            parts.end();
        }, error => parts.end(error));
        try {
            yield* parts;
            said.toolCalls = calls.filter(call => call);
        } finally {
            listening.dispose();
            cancelling.dispose();
        }
    }

    protected receive({ text, thinking, toolCalls }: Omit<DidDelta, 'completionId'>, parts: PacedParts, said: CompletionMessage, calls: ToolCall[]): void {
        if (thinking) {
            parts.push({ thought: thinking, signature: '' });
        }
        if (text) {
            said.content += text;
            parts.push({ content: text });
        }
        for (const { index, id, name, arguments: piece } of toolCalls ?? []) {
            const call = calls[index] ??= { id: id ?? generateUuid(), name: name ?? '', arguments: '' };
            call.arguments += piece ?? '';
            parts.push({ tool_calls: [{ id: call.id, function: { name: call.name, arguments: call.arguments }, finished: false }] });
        }
    }

    protected async callTool(call: ToolCall, tools: readonly ToolRequest[] | undefined, token: CancellationToken): Promise<ToolCallResult> {
        const tool = tools?.find(({ name }) => name === call.name);
        if (!tool) {
            return createToolCallError(`There is no tool ${call.name}.`, 'tool-not-available');
        }
        try {
            return await tool.handler(call.arguments ?? '{}', ToolInvocationContext.create(call.id, token));
        } catch (error) {
            return createToolCallError(error instanceof Error ? error.message : String(error));
        }
    }
}
