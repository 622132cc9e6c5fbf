import { createToolCallError, ToolCallResult, ToolRequest, ToolRequestParametersProperties } from '@theia/ai-core/lib/common/language-model';
import { ToolInvocationRegistry } from '@theia/ai-core/lib/common/tool-invocation-registry';
import { FrontendApplicationContribution } from '@theia/core/lib/browser/frontend-application-contribution';
import { inject, injectable } from '@theia/core/shared/inversify';
import { BridgeError } from '../../common/bridge-error';
import { BridgeConnection } from '../connection/bridge-connection';
import { listFolder } from '../files/list-folder';

const PROVIDER = 'Theia Bridge';

/** Bytes of a file that a model is given at a time; a token is some four of them. */
const READ_LIMIT = 64 * 1024;

/** Names that a model is given of a folder. */
const LIST_LIMIT = 1000;

const PATH = { type: 'string', description: 'Absolute, as /workspace/src/main.py, or relative to /workspace.' } as const;

/** What agents may do with the session's files, if their records name it and the user lets them. */
@injectable()
export class WorkspaceTools implements FrontendApplicationContribution {

    @inject(ToolInvocationRegistry)
    protected readonly registry: ToolInvocationRegistry;

    @inject(BridgeConnection)
    protected readonly connection: BridgeConnection;

    onStart(): void {
        this.register('readFile', `Reads a text file, at most ${READ_LIMIT} bytes of it.`, {
            path: PATH, offset: { type: 'integer', description: 'The byte to begin with.' }
        }, ['path'], async ({ path, offset }) => {
            const from = typeof offset === 'number' ? Math.max(0, Math.floor(offset)) : 0;
            const { content, size } = await this.connection.request('fs.readFile', { path: toPath(path), offset: from, length: READ_LIMIT });
            const end = from + content.byteLength;
            const more = end < size ? `\n\n(${size - end} of ${size} bytes follow: read on with offset ${end}.)` : '';
            return new TextDecoder().decode(content) + more;
        });
        this.register('listFolder', 'Lists what is in a folder; names of folders end with a slash.', { path: PATH }, [], async ({ path }) => {
            const entries = await listFolder(this.connection, toPath(path));
            const names = entries.slice(0, LIST_LIMIT).map(({ name, stat }) => stat.type === 'directory' ? `${name}/` : name);
            return [...names, ...entries.length > LIST_LIMIT ? [`(and ${entries.length - LIST_LIMIT} more)`] : []].join('\n');
        });
        this.register('writeFile', 'Writes a text file, in place of what is there; its folder must exist.', {
            path: PATH, content: { type: 'string', description: 'All of the text.' }
        }, ['path', 'content'], async ({ path, content }) => {
            const bytes = new TextEncoder().encode(String(content));
            await this.connection.mutate('fs.writeFile', { path: toPath(path), content: bytes, create: true, overwrite: true });
            return `${bytes.byteLength} bytes are written. What was there before is in the file's history.`;
        });
    }

    protected register(
        id: string, description: string, properties: ToolRequestParametersProperties, required: string[],
        run: (args: Record<string, unknown>) => Promise<ToolCallResult>
    ): void {
        const tool: ToolRequest = {
            id, name: id, description, providerName: PROVIDER,
            parameters: { type: 'object', properties, required },
            // Whatever a model may write is changed at once.
            confirmAlwaysAllow: id === 'writeFile' || undefined,
            handler: async text => {
                try {
                    return await run(JSON.parse(text || '{}') as Record<string, unknown>);
                } catch (error) {
                    if (error instanceof BridgeError || error instanceof SyntaxError) {
                        return createToolCallError(error.message);
                    }
                    throw error;
                }
            }
        };
        this.registry.registerTool(tool);
    }
}

function toPath(path: unknown): string {
    const given = typeof path === 'string' ? path.replace(/\/+$/, '') : '';
    return given.startsWith('/') ? given : given ? `/workspace/${given}` : '/workspace';
}
