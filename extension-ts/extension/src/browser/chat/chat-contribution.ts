import { ChatService } from '@theia/ai-chat/lib/common/chat-service';
import { FrontendApplicationContribution } from '@theia/core/lib/browser/frontend-application-contribution';
import { ILogger } from '@theia/core/lib/common/logger';
import { inject, injectable } from '@theia/core/shared/inversify';
import { BridgeChatService } from './bridge-chat-service';
import { ChatOutbox } from './chat-outbox';

/** Nothing that was said is lost with the page it was said on. */
@injectable()
export class ChatContribution implements FrontendApplicationContribution {

    @inject(ChatService)
    protected readonly chats: BridgeChatService;

    @inject(ChatOutbox)
    protected readonly outbox: ChatOutbox;

    @inject(ILogger)
    protected readonly logger: ILogger;

    onStart(): void {
        this.outbox.send().catch(error => this.logger.error(error));
    }

    onStop(): void {
        this.chats.leave();
    }
}
