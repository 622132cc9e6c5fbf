import { Emitter } from '@theia/core/lib/common/event';
import { InlayHint, InlayHintLabelPart, InlayHintRefreshRequest, InlayHintRequest, InlayHintResolveRequest } from '@theia/core/shared/vscode-languageserver-protocol';
import * as monaco from '@theia/monaco-editor-core';
import { LanguageSession } from '../language-server';
import { ProtocolConversions } from '../protocol-conversions';
import { Feature } from './feature';

/** A hint of the editor that knows the server's. */
interface ServedHint extends monaco.languages.InlayHint {
    readonly served: InlayHint;
}

export const inlayHints: Feature = (session, { convert }) => {
    const offered = session.capabilities.inlayHintProvider;
    if (!offered) {
        return undefined;
    }
    const refresh = new Emitter<void>();
    session.toDispose.pushAll([refresh, session.connection.onRequest(InlayHintRefreshRequest.type, () => { refresh.fire(); })]);
    return monaco.languages.registerInlayHintsProvider(session.language, {
        onDidChangeInlayHints: refresh.event,
        provideInlayHints: async (model, range, token) => {
            const found = await session.ask(InlayHintRequest.type, { textDocument: convert.document(model), range: convert.m2p.asRange(range) }, token);
            return { hints: (found ?? []).map(hint => convertHint(session, convert, hint)), dispose: () => undefined };
        },
        ...typeof offered === 'object' && offered.resolveProvider && {
            resolveInlayHint: async (hint, token) => {
                const resolved = await session.ask(InlayHintResolveRequest.type, (hint as ServedHint).served, token);
                return resolved ? convertHint(session, convert, resolved) : hint;
            }
        }
    });
};

function convertHint(session: LanguageSession, convert: ProtocolConversions, served: InlayHint): ServedHint {
    const part = ({ value, tooltip, command, location }: InlayHintLabelPart): monaco.languages.InlayHintLabelPart => ({
        label: value,
        tooltip: convert.documentation(tooltip),
        command: command && convert.command(session.language, command),
        location: location && convert.location(session.language, location)
    });
    return {
        label: typeof served.label === 'string' ? served.label : served.label.map(part),
        position: convert.p2m.asPosition(served.position),
        kind: served.kind,
        tooltip: convert.documentation(served.tooltip),
        textEdits: served.textEdits && convert.p2m.asTextEdits(served.textEdits),
        paddingLeft: served.paddingLeft,
        paddingRight: served.paddingRight,
        served
    };
}
