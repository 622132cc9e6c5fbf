import { Disposable } from '@theia/core/lib/common/disposable';
import { Diagnostic } from '@theia/core/shared/vscode-languageserver-protocol';
import { LanguageSession } from '../language-server';
import { ProtocolConversions } from '../protocol-conversions';

/** What features use besides the server. */
export interface FeatureTools {
    readonly convert: ProtocolConversions;
    /** What the server last said of a document. */
    diagnosticsOf(uri: string): readonly Diagnostic[];
}

/** Gives the editor what a server offers of one kind, if it does, until the result is disposed. */
export type Feature = (session: LanguageSession, tools: FeatureTools) => Disposable | undefined;
