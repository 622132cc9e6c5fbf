import {
    CodeAction, CodeActionRequest, CodeActionResolveRequest, CodeActionTriggerKind, Command, Diagnostic, Range
} from '@theia/core/shared/vscode-languageserver-protocol';
import * as monaco from '@theia/monaco-editor-core';
import { LanguageSession } from '../language-server';
import { ProtocolConversions } from '../protocol-conversions';
import { Feature } from './feature';

/** An action of the editor that knows the server's. */
interface ServedAction extends monaco.languages.CodeAction {
    readonly served: CodeAction;
}

/** Quick fixes, refactorings, and what is done to the whole file, also on saving. */
export const codeActions: Feature = (session, { convert, diagnosticsOf }) => {
    const offered = session.capabilities.codeActionProvider;
    if (!offered) {
        return undefined;
    }
    const { codeActionKinds, resolveProvider = false } = typeof offered === 'object' ? offered : {};
    return monaco.languages.registerCodeActionProvider(session.language, {
        provideCodeActions: async (model, range, { only, trigger }, token) => {
            const textDocument = convert.document(model);
            const asked = convert.m2p.asRange(range);
            const found = await session.ask(CodeActionRequest.type, {
                textDocument,
                range: asked,
                context: {
                    diagnostics: diagnosticsOf(textDocument.uri).filter(diagnostic => touches(diagnostic, asked)),
                    ...only && { only: [only] },
                    triggerKind: trigger === monaco.languages.CodeActionTriggerType.Auto ? CodeActionTriggerKind.Automatic : CodeActionTriggerKind.Invoked
                }
            }, token);
            const actions = (found ?? []).map(action => Command.is(action)
                ? { title: action.title, command: convert.command(session.language, action) }
                : convertAction(session, convert, action));
            return { actions, dispose: () => undefined };
        },
        ...resolveProvider && {
            resolveCodeAction: async (action, token) => {
                const { served } = action as ServedAction;
                // One that was nothing but a command has nothing to resolve.
                const resolved = served && !served.edit ? await session.ask(CodeActionResolveRequest.type, served, token) : undefined;
                return resolved ? convertAction(session, convert, resolved) : action;
            }
        }
    }, { providedCodeActionKinds: codeActionKinds });
};

function convertAction(session: LanguageSession, convert: ProtocolConversions, served: CodeAction): ServedAction {
    return {
        title: served.title,
        kind: served.kind,
        isPreferred: served.isPreferred,
        disabled: served.disabled?.reason,
        diagnostics: convert.p2m.asDiagnostics(served.diagnostics),
        edit: served.edit && convert.workspaceEdit(served.edit),
        command: served.command && convert.command(session.language, served.command),
        served
    };
}

function touches({ range: { start, end } }: Diagnostic, other: Range): boolean {
    const before = (one: Range['start'], two: Range['start']): boolean => one.line < two.line || one.line === two.line && one.character < two.character;
    return !before(end, other.start) && !before(other.end, start);
}
