import { StatusBar, StatusBarAlignment } from '@theia/core/lib/browser/status-bar/status-bar';
import { nls } from '@theia/core/lib/common/nls';
import { inject, injectable } from '@theia/core/shared/inversify';
import { MonacoLanguages } from '@theia/monaco/lib/browser/monaco-languages';
import { LanguageServerCommands } from './language-server-commands';
import { LanguageServer, LanguageServerState } from './language-server';
import { EngineStatus, LanguageServers } from './language-servers';
import { ServerRequests } from './server-requests';

const ELEMENT = 'theia-bridge-language-servers';

const ICONS: Readonly<Record<LanguageServerState, string>> = {
    stopped: '', starting: 'codicon-sync~spin', ready: 'codicon-check', restarting: 'codicon-sync~spin', refused: 'codicon-circle-slash', failed: 'codicon-error'
};

const STATES: Readonly<Record<LanguageServerState, string>> = {
    stopped: '',
    starting: nls.localize('theia-bridge/languages/starting', 'starting'),
    ready: nls.localize('theia-bridge/languages/ready', 'ready'),
    restarting: nls.localize('theia-bridge/languages/restarting', 'restarting'),
    refused: nls.localize('theia-bridge/languages/refused', 'not available'),
    failed: nls.localize('theia-bridge/languages/failed', 'failed')
};

const ENGINE_STATES: Readonly<Record<EngineStatus['state'], string>> = { starting: STATES.starting, running: STATES.ready, failed: STATES.failed };

/** Tells in the status bar how the language servers are. */
@injectable()
export class LanguageStatus {

    @inject(LanguageServers)
    protected readonly servers: LanguageServers;

    @inject(ServerRequests)
    protected readonly requests: ServerRequests;

    @inject(MonacoLanguages)
    protected readonly languages: MonacoLanguages;

    @inject(StatusBar)
    protected readonly statusBar: StatusBar;

    /** What each works at. */
    protected readonly progress = new Map<string, string>();

    start(): void {
        this.servers.onDidChangeState(() => this.update());
        this.requests.onDidProgress(({ language, text }) => {
            if (text) {
                this.progress.set(language, text);
            } else {
                this.progress.delete(language);
            }
            this.update();
        });
    }

    protected async update(): Promise<void> {
        const shown = this.servers.all.filter(({ state }) => state !== 'stopped');
        if (!shown.length) {
            await this.statusBar.removeElement(ELEMENT);
            return;
        }
        const failed = shown.some(({ state, language }) => state === 'failed' || this.servers.enginesOf(language).some(engine => engine.state === 'failed'));
        await this.statusBar.setElement(ELEMENT, {
            text: shown.map(server => this.label(server)).join('  '),
            tooltip: shown.map(server => this.describe(server)).join('\n'),
            alignment: StatusBarAlignment.RIGHT,
            // Left of the language, which belongs to the editor.
            priority: 5,
            command: LanguageServerCommands.MENU.id,
            ...failed && { backgroundColor: 'var(--theia-statusBarItem-warningBackground)', color: 'var(--theia-statusBarItem-warningForeground)' }
        });
    }

    protected label({ language, state }: LanguageServer): string {
        const working = this.progress.has(language) && state === 'ready';
        return `$(${working ? 'codicon-sync~spin' : ICONS[state]}) ${this.name(language)}`;
    }

    protected describe({ language, state, reason }: LanguageServer): string {
        const more = this.progress.get(language) ?? reason;
        const head = nls.localize('theia-bridge/languages/status', '{0} language server: {1}', this.name(language), STATES[state]);
        const engines = this.servers.enginesOf(language).map(({ name, version, state: engine, error }) =>
            `${name} ${version}: ${ENGINE_STATES[engine]}${engine === 'failed' && error ? ` · ${error}` : ''}`);
        return [more ? `${head} · ${more}` : head, ...engines].join('\n');
    }

    protected name(language: string): string {
        return this.languages.getLanguage(language)?.name ?? language;
    }
}
