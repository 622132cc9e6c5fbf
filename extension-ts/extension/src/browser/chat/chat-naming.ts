import { ChatSession } from '@theia/ai-chat/lib/common/chat-service';
import { ChatSessionNamingService } from '@theia/ai-chat/lib/common/chat-session-naming-service';
import { inject, injectable } from '@theia/core/shared/inversify';
import { ServerModels } from './server-models';

/** The model that says what it is told, and so has no names to give. */
const ECHO = 'echo';

@injectable()
export class ChatNaming extends ChatSessionNamingService {

    @inject(ServerModels)
    protected readonly models: ServerModels;

    override async generateChatSessionName(chatSession: ChatSession, otherNames: string[]): Promise<string | undefined> {
        return this.models.defaultModel === ECHO ? undefined : super.generateChatSessionName(chatSession, otherNames);
    }
}
