import { SignatureHelp, SignatureHelpRequest } from '@theia/core/shared/vscode-languageserver-protocol';
import * as monaco from '@theia/monaco-editor-core';
import { ProtocolConversions } from '../protocol-conversions';
import { Feature } from './feature';

/** What is shown in the editor, and what the server said of it: it may ask for that again. */
interface ServedHelp extends monaco.languages.SignatureHelp {
    readonly served: SignatureHelp;
}

export const signatureHelp: Feature = (session, { convert }) => {
    const offered = session.capabilities.signatureHelpProvider;
    return offered && monaco.languages.registerSignatureHelpProvider(session.language, {
        signatureHelpTriggerCharacters: offered.triggerCharacters,
        signatureHelpRetriggerCharacters: offered.retriggerCharacters,
        provideSignatureHelp: async (model, position, token, { triggerKind, triggerCharacter, isRetrigger, activeSignatureHelp }) => {
            const shown = activeSignatureHelp as ServedHelp | undefined;
            const found = await session.ask(SignatureHelpRequest.type, {
                ...convert.at(model, position),
                context: {
                    triggerKind, triggerCharacter, isRetrigger,
                    ...shown && { activeSignatureHelp: { ...shown.served, activeSignature: shown.activeSignature } }
                }
            }, token);
            return found?.signatures.length ? { value: convertHelp(convert, found), dispose: () => undefined } : undefined;
        }
    });
};

function convertHelp(convert: ProtocolConversions, served: SignatureHelp): ServedHelp {
    return {
        signatures: served.signatures.map(({ label, documentation, parameters = [], activeParameter }) => ({
            label,
            documentation: convert.documentation(documentation),
            parameters: parameters.map(parameter => ({ label: parameter.label, documentation: convert.documentation(parameter.documentation) })),
            activeParameter: activeParameter ?? undefined
        })),
        activeSignature: served.activeSignature ?? 0,
        activeParameter: served.activeParameter ?? 0,
        served
    };
}
