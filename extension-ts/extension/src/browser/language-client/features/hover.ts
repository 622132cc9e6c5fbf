import { HoverRequest } from '@theia/core/shared/vscode-languageserver-protocol';
import * as monaco from '@theia/monaco-editor-core';
import { Feature } from './feature';

export const hover: Feature = (session, { convert }) => session.capabilities.hoverProvider
    ? monaco.languages.registerHoverProvider(session.language, {
        provideHover: async (model, position, token) => {
            const found = await session.ask(HoverRequest.type, convert.at(model, position), token);
            if (!found) {
                return undefined;
            }
            const contents = Array.isArray(found.contents) ? found.contents : [found.contents];
            return { contents: contents.map(content => convert.markdown(content)), range: found.range && convert.range(found.range) };
        }
    })
    : undefined;
