import { AbstractStreamParsingChatAgent, ChatSessionContext, SystemMessageDescription } from '@theia/ai-chat/lib/common/chat-agents';
import { ImageContextVariable } from '@theia/ai-chat/lib/common/image-context-variable';
import { LanguageModel, LanguageModelRequirement } from '@theia/ai-core/lib/common/language-model';
import { ToolInvocationRegistry } from '@theia/ai-core/lib/common/tool-invocation-registry';
import { ToolRequest } from '@theia/ai-core/lib/common/language-model';
import { AIVariableContext } from '@theia/ai-core/lib/common/variable-service';
import { nls } from '@theia/core/lib/common/nls';
import { inject, injectable } from '@theia/core/shared/inversify';
import { AgentInfo } from '../../common/protocol.generated';
import { DEFAULT_MODEL } from './bridge-model-aliases';

const PURPOSE = 'chat';

/** An agent whose requests are answered by one of the server's models, and that is told what is attached to a request. */
@injectable()
export abstract class BridgeChatAgent extends AbstractStreamParsingChatAgent {

    @inject(ToolInvocationRegistry)
    protected readonly toolRegistry: ToolInvocationRegistry;

    protected readonly defaultLanguageModelPurpose = PURPOSE;

    /** What the model is told first. */
    protected get instructions(): string | undefined {
        return undefined;
    }

    protected override async getSystemMessageDescription(context: AIVariableContext): Promise<SystemMessageDescription | undefined> {
        const text = [this.instructions, describeAttachments(context)].filter(part => part).join('\n\n');
        return text ? { text } : undefined;
    }

    protected override async selectLanguageModel(selector: LanguageModelRequirement): Promise<LanguageModel> {
        const model = await this.languageModelRegistry.selectLanguageModel({ agent: this.id, ...selector });
        if (!model) {
            throw new Error(selector.identifier === DEFAULT_MODEL
                ? nls.localize('theia-bridge/chat/noModel', 'This server has no language model to answer with.')
                : nls.localize('theia-bridge/chat/otherModel', '{0} wants to be answered by “{1}”, which this server does not have. Choose another model below.',
                    this.name, selector.identifier));
        }
        return model;
    }
}

/** Who answers where no agent is mentioned. */
@injectable()
export class AssistantAgent extends BridgeChatAgent {

    static readonly ID = 'Assistant';

    readonly id = AssistantAgent.ID;
    readonly name = AssistantAgent.ID;
    override readonly description = nls.localize('theia-bridge/chat/assistant', 'Answers with the default language model of this server.');
    override readonly iconClass = 'codicon codicon-comment-discussion';
    readonly languageModelRequirements: LanguageModelRequirement[] = [{ purpose: PURPOSE, identifier: DEFAULT_MODEL }];
}

/** An agent of the tenant. Its prompt is not known here: the server puts it first. */
@injectable()
export class ServerAgent extends BridgeChatAgent {

    id: string;
    name: string;
    override readonly iconClass = 'codicon codicon-hubot';
    languageModelRequirements: LanguageModelRequirement[];

    /** @param id what it is mentioned by. */
    describe(info: AgentInfo, id: string): void {
        this.id = id;
        this.name = info.name;
        this.description = info.description;
        this.languageModelRequirements = [{ purpose: PURPOSE, identifier: info.model || DEFAULT_MODEL }];
        this.functions = info.tools;
        // Looked up when they are used: a tool may come later than the agent.
        Object.defineProperty(this, 'additionalToolRequests', { get: (): ToolRequest[] => this.toolRegistry.getFunctions(...info.tools) });
    }
}

export const ServerAgentFactory = Symbol('ServerAgentFactory');
export type ServerAgentFactory = (info: AgentInfo, id: string) => ServerAgent;

function describeAttachments(context: AIVariableContext): string | undefined {
    const attached = ChatSessionContext.is(context) && context.request?.context.variables.filter(variable => !ImageContextVariable.isResolvedImageContext(variable));
    if (!attached || !attached.length) {
        return undefined;
    }
    const parts = attached.map(({ variable, value, contextValue }) => `${variable.name}: ${value}\n\n${contextValue}`);
    return `The user has attached to the request:\n\n${parts.join('\n\n---\n\n')}`;
}
