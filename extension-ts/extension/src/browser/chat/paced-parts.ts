import { isTextResponsePart, isThinkingResponsePart, isToolCallResponsePart, LanguageModelStreamResponsePart } from '@theia/ai-core/lib/common/language-model';
import { timeout } from '@theia/core/lib/common/promise-util';

/** How long nothing more is handed out, as a multiple of what the last piece took. */
const PAUSE = 3;

/** No longer than this, in milliseconds, though. */
const LONGEST_PAUSE = 500;

/**
 * Parts of an answer, in as few pieces as whoever shows them needs: Theia reads all of the text anew with each piece, so
 * that an answer of a megabyte in pieces of a word would never be shown whole.
 */
export class PacedParts implements AsyncIterable<LanguageModelStreamResponsePart> {

    protected readonly waiting: LanguageModelStreamResponsePart[] = [];
    protected ended = false;
    protected failure: unknown;
    protected wake = (): void => { };

    push(part: LanguageModelStreamResponsePart): void {
        const last = this.waiting.at(-1);
        if (last && isTextResponsePart(last) && isTextResponsePart(part)) {
            last.content += part.content;
        } else if (last && isThinkingResponsePart(last) && isThinkingResponsePart(part)) {
            last.thought += part.thought;
        } else if (last && isToolCallResponsePart(last) && isToolCallResponsePart(part) && last.tool_calls[0].id === part.tool_calls[0].id) {
            last.tool_calls = part.tool_calls;
        } else {
            this.waiting.push({ ...part });
        }
        this.wake();
    }

    /** No more will come; with an error, what came before it is handed out first. */
    end(failure?: unknown): void {
        this.ended = true;
        this.failure = failure;
        this.wake();
    }

    async *[Symbol.asyncIterator](): AsyncGenerator<LanguageModelStreamResponsePart> {
        for (;;) {
            const part = this.waiting.shift();
            if (part) {
                const started = performance.now();
                yield part;
                if (!this.ended) {
                    await timeout(Math.min(LONGEST_PAUSE, PAUSE * (performance.now() - started)));
                }
            } else if (this.ended) {
                if (this.failure !== undefined) {
                    throw this.failure;
                }
                return;
            } else {
                await new Promise<void>(resolve => this.wake = resolve);
            }
        }
    }
}
