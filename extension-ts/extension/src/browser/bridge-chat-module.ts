import '../../src/browser/style/chat.css';
import { DefaultChatAgentId, FallbackChatAgentId } from '@theia/ai-chat/lib/common/chat-agent-service';
import { ChatAgent } from '@theia/ai-chat/lib/common/chat-agents';
import { ChatService } from '@theia/ai-chat/lib/common/chat-service';
import { ChatSessionNamingService } from '@theia/ai-chat/lib/common/chat-session-naming-service';
import { ChatSessionStore } from '@theia/ai-chat/lib/common/chat-session-store';
import { AIChatInputConfiguration } from '@theia/ai-chat-ui/lib/browser/chat-input-widget';
import { ChatWelcomeMessageProvider } from '@theia/ai-chat-ui/lib/browser/chat-tree-view/chat-view-tree-widget';
import { ChatViewWidget } from '@theia/ai-chat-ui/lib/browser/chat-view-widget';
import { SkillPromptCoordinator } from '@theia/ai-core/lib/browser/skill-prompt-coordinator';
import { Agent } from '@theia/ai-core/lib/common/agent';
import { LanguageModelAliasRegistry } from '@theia/ai-core/lib/common/language-model-alias';
import { LanguageModelFrontendDelegate, LanguageModelRegistryFrontendDelegate } from '@theia/ai-core/lib/common/language-model-delegate';
import { TokenUsageService } from '@theia/ai-core/lib/common/token-usage-service';
import { FrontendApplicationContribution } from '@theia/core/lib/browser/frontend-application-contribution';
import { ApplicationShell, ApplicationShellOptions } from '@theia/core/lib/browser/shell/application-shell';
import { TabBarToolbarContribution } from '@theia/core/lib/browser/shell/tab-bar-toolbar';
import { CommandContribution } from '@theia/core/lib/common/command';
import { RecursivePartial } from '@theia/core/lib/common/types';
import { ContainerModule } from '@theia/core/shared/inversify';
import { AgentInfo } from '../common/protocol.generated';
import { AssistantAgent, ServerAgent, ServerAgentFactory } from './chat/bridge-chat-agent';
import { BridgeChatService } from './chat/bridge-chat-service';
import { BridgeChatSessionStore } from './chat/bridge-chat-session-store';
import { BridgeChatViewWidget } from './chat/bridge-chat-view-widget';
import { BridgeModelAliases } from './chat/bridge-model-aliases';
import { ChatContribution } from './chat/chat-contribution';
import { ChatNaming } from './chat/chat-naming';
import { ChatOutbox } from './chat/chat-outbox';
import { ChatSearchContribution } from './chat/chat-search-contribution';
import { ChatWelcome } from './chat/chat-welcome';
import { hidePreferencesWithoutEffect } from './chat/hidden-preferences';
import { ModelContribution } from './chat/model-contribution';
import { PatientSkills } from './chat/patient-skills';
import { ServerAgents } from './chat/server-agents';
import { ServerModels } from './chat/server-models';
import { BridgeTokenUsageService } from './chat/token-usage';
import { NO_BACKEND_MODELS, NO_BACKEND_REQUESTS } from './chat/without-backend';
import { WorkspaceTools } from './chat/workspace-tools';

/** Of the window, for the chat when it is first opened: enough for code. */
const WIDTH = 0.3;

hidePreferencesWithoutEffect();

/** Theia's chat, with its models, agents and history from the server. */
export default new ContainerModule((bind, _unbind, _isBound, rebind) => {
    rebind(LanguageModelRegistryFrontendDelegate).toConstantValue(NO_BACKEND_MODELS);
    rebind(LanguageModelFrontendDelegate).toConstantValue(NO_BACKEND_REQUESTS);
    rebind(TokenUsageService).to(BridgeTokenUsageService).inSingletonScope();

    rebind(SkillPromptCoordinator).to(PatientSkills).inSingletonScope();

    bind(ServerModels).toSelf().inSingletonScope();
    bind(ModelContribution).toSelf().inSingletonScope();
    bind(FrontendApplicationContribution).toService(ModelContribution);
    rebind(LanguageModelAliasRegistry).to(BridgeModelAliases).inSingletonScope();

    bind(AssistantAgent).toSelf().inSingletonScope();
    bind(Agent).toService(AssistantAgent);
    bind(ChatAgent).toService(AssistantAgent);
    bind(DefaultChatAgentId).toConstantValue({ id: AssistantAgent.ID });
    bind(FallbackChatAgentId).toConstantValue({ id: AssistantAgent.ID });
    bind(ServerAgent).toSelf();
    bind(ServerAgentFactory).toFactory<ServerAgent, [AgentInfo, string]>(({ container }) => (info, id) => {
        const agent = container.get(ServerAgent);
        agent.describe(info, id);
        return agent;
    });
    bind(ServerAgents).toSelf().inSingletonScope();
    bind(FrontendApplicationContribution).toService(ServerAgents);

    bind(FrontendApplicationContribution).to(WorkspaceTools).inSingletonScope();

    bind(ChatOutbox).toSelf().inSingletonScope();
    bind(BridgeChatSessionStore).toSelf().inSingletonScope();
    rebind(ChatSessionStore).toService(BridgeChatSessionStore);
    bind(BridgeChatService).toSelf().inSingletonScope();
    rebind(ChatService).toService(BridgeChatService);
    rebind(ChatSessionNamingService).to(ChatNaming).inSingletonScope();
    bind(ChatContribution).toSelf().inSingletonScope();
    bind(FrontendApplicationContribution).toService(ChatContribution);

    bind(ChatSearchContribution).toSelf().inSingletonScope();
    bind(FrontendApplicationContribution).toService(ChatSearchContribution);
    bind(CommandContribution).toService(ChatSearchContribution);
    bind(TabBarToolbarContribution).toService(ChatSearchContribution);

    rebind<RecursivePartial<ApplicationShell.Options>>(ApplicationShellOptions).toConstantValue({ rightPanel: { initialSizeRatio: WIDTH } });
    rebind(ChatViewWidget).to(BridgeChatViewWidget);
    // Skills, functions of other servers and the like are for prompts that are made here; ours are the server's.
    rebind(AIChatInputConfiguration).toConstantValue({
        showContext: true, showPinnedAgent: true, showChangeSet: true, showCapabilities: false, enablePromptHistory: true
    });
    bind(ChatWelcome).toSelf().inSingletonScope();
    bind(ChatWelcomeMessageProvider).toService(ChatWelcome);
});
