import { injectable } from '@theia/core/shared/inversify';
import * as monaco from '@theia/monaco-editor-core';
import { getEncodedLanguageId, GrammarDefinition, LanguageGrammarDefinitionContribution, TextmateRegistry } from '@theia/monaco/lib/browser/textmate';
import { GRAMMAR_URLS, INJECTIONS } from './grammars';
import { Language, LANGUAGES } from './languages';
import { NGINX_GRAMMAR } from './nginx-grammar';

/** The languages inside pages: comments and brackets follow the embedded one. By scope. */
const EMBEDDED: Readonly<Record<string, string>> = {
    'source.js': 'javascript',
    'source.ts': 'typescript',
    'source.css': 'css',
    'source.css.scss': 'scss',
    'source.css.less': 'less',
    'source.json': 'json',
    'source.php': 'php'
};
const EMBEDDING = new Set(['html', 'vue', 'svelte', 'astro', 'php']);

/** Makes the editor know the common languages, which in Theia otherwise only plugins do. */
@injectable()
export class BridgeLanguageContribution implements LanguageGrammarDefinitionContribution {

    registerTextmateLanguage(registry: TextmateRegistry): void {
        for (const scope of Object.keys(GRAMMAR_URLS)) {
            registry.registerTextmateGrammarScope(scope, {
                getGrammarDefinition: () => this.fetchGrammar(scope),
                getInjections: name => INJECTIONS[name] ?? []
            });
        }
        registry.registerTextmateGrammarScope('source.nginx', {
            getGrammarDefinition: async () => ({ format: 'json', content: NGINX_GRAMMAR })
        });
        LANGUAGES.forEach(language => this.register(language));
        for (const { id, scope } of LANGUAGES) {
            if (scope) {
                registry.mapLanguageIdToTextmateGrammar(id, scope);
                registry.registerGrammarConfiguration(id, EMBEDDING.has(id) ? { embeddedLanguages: this.embeddedLanguages() } : {});
            }
        }
    }

    protected register({ id, name, syntax, extensions, filenames, patterns, firstLine, aliases = [] }: Language): void {
        monaco.languages.register({
            id,
            aliases: [name, ...aliases],
            extensions: extensions?.split(' '),
            filenames: filenames?.split(' '),
            filenamePatterns: patterns,
            firstLine
        });
        monaco.languages.setLanguageConfiguration(id, syntax);
    }

    protected embeddedLanguages(): Record<string, number> {
        return Object.fromEntries(Object.entries(EMBEDDED).map(([scope, id]) => [scope, getEncodedLanguageId(id)]));
    }

    protected async fetchGrammar(scope: string): Promise<GrammarDefinition> {
        const response = await fetch(GRAMMAR_URLS[scope]);
        if (!response.ok) {
            throw new Error(`The grammar of ${scope} could not be loaded: ${response.status}.`);
        }
        return { format: 'json', content: await response.text() };
    }
}
