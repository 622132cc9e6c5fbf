import { ChatViewWidget } from '@theia/ai-chat-ui/lib/browser/chat-view-widget';
import { MessageService } from '@theia/core/lib/common/message-service';
import { injectable } from '@theia/core/shared/inversify';

/** A request that failed says so where its answer would be; a notification of it would lie over the input. */
@injectable()
export class BridgeChatViewWidget extends ChatViewWidget {

    protected override init(): void {
        const messages = this.messageService;
        const error: MessageService['error'] = async (...args: [string]) => this.showsError() ? undefined : messages.error(...args);
        this.messageService = new Proxy(messages, {
            get: (target, name) => name === 'error' ? error : Reflect.get(target, name)
        });
        super.init();
    }

    protected showsError(): boolean {
        return this.chatSession.model.getRequests().at(-1)?.response.isError === true;
    }
}
