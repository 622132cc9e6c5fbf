import {
    ImageContent, isToolCallContent, LanguageModelMessage, LanguageModelRequest, ToolCallContentResult, ToolCallResult, ToolRequest
} from '@theia/ai-core/lib/common/language-model';
import { CompletionMessage, CompletionSettings, Tool } from '../../common/protocol.generated';

/** What is said in a chat, as a model is sent it. What models think, and what only their makers can read, is left out. */
export function toCompletionMessages(messages: readonly LanguageModelMessage[]): CompletionMessage[] {
    const result: CompletionMessage[] = [];
    for (const message of messages) {
        const last = result.at(-1);
        if (message.type === 'text') {
            result.push({ role: message.actor === 'ai' ? 'assistant' : message.actor, content: message.text });
        } else if (message.type === 'image') {
            const image = ImageContent.isUrl(message.image) ? message.image.url : `data:${message.image.mimeType};base64,${message.image.base64data}`;
            if (last?.role === 'user') {
                last.images = [...last.images ?? [], image];
            } else {
                result.push({ role: 'user', content: '', images: [image] });
            }
        } else if (message.type === 'tool_use') {
            const call = { id: message.id, name: message.name, arguments: typeof message.input === 'string' ? message.input : JSON.stringify(message.input ?? {}) };
            if (last?.role === 'assistant') {
                last.toolCalls = [...last.toolCalls ?? [], call];
            } else {
                result.push({ role: 'assistant', content: '', toolCalls: [call] });
            }
        } else if (message.type === 'tool_result') {
            result.push({ role: 'tool', content: toResultText(message.content), toolCallId: message.tool_use_id });
        }
    }
    return result;
}

export function toCompletionTools(tools: readonly ToolRequest[] | undefined): Tool[] | undefined {
    return tools?.map(({ name, description, parameters }) => ({ name, description, parameters: { type: 'object', ...parameters } }));
}

export function toCompletionSettings({ settings = {}, reasoning, response_format: format }: LanguageModelRequest): CompletionSettings {
    const number = (...names: string[]): number | undefined => names.map(name => settings[name]).find(value => typeof value === 'number');
    const stop = Array.isArray(settings.stop) ? settings.stop.map(String) : typeof settings.stop === 'string' ? [settings.stop] : undefined;
    const level = reasoning?.level;
    return {
        temperature: number('temperature'),
        topP: number('topP', 'top_p'),
        maxOutputTokens: number('maxOutputTokens', 'max_output_tokens', 'max_completion_tokens', 'max_tokens'),
        stop,
        reasoning: level === 'off' || level === 'auto' ? undefined : level,
        json: format?.type === 'json_object' || undefined,
        schema: format?.type === 'json_schema' ? format.json_schema.schema : undefined
    };
}

/** What a tool has answered, as a model is told it. */
export function toResultText(result: ToolCallResult): string {
    if (result === undefined) {
        return '';
    }
    if (typeof result === 'string') {
        return result;
    }
    return isToolCallContent(result) ? result.content.map(toPartText).join('\n') : JSON.stringify(result);
}

function toPartText(part: ToolCallContentResult): string {
    switch (part.type) {
        case 'text': return part.text;
        case 'error': return `Error: ${part.data}`;
        default: return `(${part.type} that cannot be shown here)`;
    }
}
