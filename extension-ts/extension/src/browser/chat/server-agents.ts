import { ChatAgentService } from '@theia/ai-chat/lib/common/chat-agent-service';
import { AgentService } from '@theia/ai-core/lib/common/agent-service';
import { FrontendApplicationContribution } from '@theia/core/lib/browser/frontend-application-contribution';
import { ILogger } from '@theia/core/lib/common/logger';
import { inject, injectable } from '@theia/core/shared/inversify';
import { AgentInfo } from '../../common/protocol.generated';
import { BridgeConnection } from '../connection/bridge-connection';
import { ServerAgent, ServerAgentFactory } from './bridge-chat-agent';

/**
 * Makes the tenant's agents agents of Theia's chat. There an agent is mentioned by its id, which has to be a word: so it
 * is made from the agent's name, and what is stored is the id of its record.
 */
@injectable()
export class ServerAgents implements FrontendApplicationContribution {

    @inject(BridgeConnection)
    protected readonly connection: BridgeConnection;

    @inject(ChatAgentService)
    protected readonly chatAgents: ChatAgentService;

    @inject(AgentService)
    protected readonly agents: AgentService;

    @inject(ServerAgentFactory)
    protected readonly create: ServerAgentFactory;

    @inject(ILogger)
    protected readonly logger: ILogger;

    /** By the ids of their records. */
    protected readonly known = new Map<string, { readonly info: string, readonly agent: ServerAgent }>();

    protected loading: Promise<void> | undefined;

    onStart(): void {
        this.refresh();
        this.connection.onDidOpen(() => this.refresh());
    }

    /** Settles when the agents are known, as they were at some time. */
    async whenKnown(): Promise<void> {
        await (this.loading ?? this.refresh());
    }

    /** Looks what agents there are. */
    refresh(): Promise<void> {
        return this.loading = this.load().catch(error => {
            this.logger.warn(`The agents are not known: ${error instanceof Error ? error.message : error}`);
        });
    }

    /** The record of an agent of the chat, if it has one. */
    recordOf(agent: string): string | undefined {
        return [...this.known].find(([, { agent: { id } }]) => id === agent)?.[0];
    }

    /** The agent of the chat for what is stored. */
    fromRecord(record: string): string {
        return this.known.get(record)?.agent.id ?? record;
    }

    protected async load(): Promise<void> {
        const found: AgentInfo[] = [];
        for (let after: string | null | undefined; after !== null;) {
            const page: { agents: AgentInfo[], next: string | null } = await this.connection.request('agents.list', { after });
            found.push(...page.agents);
            after = page.next;
        }
        const records = new Set(found.map(({ id }) => id));
        for (const id of [...this.known.keys()].filter(id => !records.has(id))) {
            this.remove(id);
        }
        for (const info of found) {
            const { updatedAt: _, ...content } = info;
            const text = JSON.stringify(content);
            if (this.known.get(info.id)?.info !== text) {
                this.remove(info.id);
                this.add(info, text);
            }
        }
    }

    protected add(info: AgentInfo, text: string): void {
        const agent = this.create(info, this.word(info));
        this.known.set(info.id, { info: text, agent });
        this.chatAgents.registerChatAgent(agent);
        this.agents.registerAgent(agent);
    }

    protected remove(record: string): void {
        const known = this.known.get(record);
        if (known) {
            this.known.delete(record);
            this.chatAgents.unregisterChatAgent(known.agent.id);
            this.agents.unregisterAgent(known.agent.id);
        }
    }

    /** What the agent is mentioned by: letters, digits, `_`, `-` and `.` are all that Theia takes. */
    protected word({ id, name }: AgentInfo): string {
        const word = name.normalize('NFKD').replace(/\p{M}/gu, '').replace(/[^\w.-]+/g, '-').replace(/^[-.]+|[-.]+$/g, '') || `agent-${id}`;
        const taken = new Set(this.chatAgents.getAllAgents().map(agent => agent.id.toLowerCase()));
        let free = word;
        for (let number = 2; taken.has(free.toLowerCase()); number++) {
            free = `${word}-${number}`;
        }
        return free;
    }
}
