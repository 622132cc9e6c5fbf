import { ILogger } from '@theia/core/lib/common/logger';
import { generateUuid } from '@theia/core/lib/common/uuid';
import { inject, injectable } from '@theia/core/shared/inversify';
import { WorkspaceInfo } from '../../common/protocol.generated';
import { BridgeConnection } from '../connection/bridge-connection';
import { ChatCopy, ChatForm } from './chat-copy';

/**
 * What was said in chats and not saved when a page went away, as when the server could not be reached. It waits in the
 * browser for the next page of the same user and session.
 */
@injectable()
export class ChatOutbox {

    @inject(BridgeConnection)
    protected readonly connection: BridgeConnection;

    @inject(ILogger)
    protected readonly logger: ILogger;

    protected info: WorkspaceInfo | undefined;

    /** Keeps it at once: a page that goes away waits for nothing. */
    keep(forms: ReadonlyMap<string, ChatForm>): void {
        try {
            if (this.info && forms.size) {
                localStorage.setItem(this.prefix(this.info) + generateUuid(), JSON.stringify([...forms]));
            }
        } catch (error) {
            this.warn('What is not saved of chats is not kept', error);
        }
    }

    /** Saves what pages before this one have left. */
    async send(): Promise<void> {
        this.info = await this.connection.info;
        const prefix = this.prefix(this.info);
        for (const key of keys().filter(name => name.startsWith(prefix))) {
            for (const [id, form] of JSON.parse(localStorage.getItem(key) ?? '[]') as [string, ChatForm][]) {
                try {
                    await new ChatCopy(id, this.connection).add(form);
                } catch (error) {
                    this.warn(`The chat ${id} has not got what was said in it last`, error);
                }
            }
            localStorage.removeItem(key);
        }
    }

    protected prefix({ user, session }: WorkspaceInfo): string {
        return `theia-bridge:chats:${user}:${session}:`;
    }

    protected warn(what: string, error: unknown): void {
        this.logger.warn(`${what}: ${error instanceof Error ? error.message : error}`);
    }
}

function keys(): string[] {
    try {
        return Object.keys(localStorage);
    } catch {
        return []; // Storage is switched off.
    }
}
