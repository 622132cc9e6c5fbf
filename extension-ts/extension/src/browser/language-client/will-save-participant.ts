import { SaveOptions, SaveReason } from '@theia/core/lib/browser/saveable';
import { CancellationToken } from '@theia/core/lib/common/cancellation';
import { inject, injectable } from '@theia/core/shared/inversify';
import {
    WillSaveTextDocumentNotification, WillSaveTextDocumentParams, WillSaveTextDocumentWaitUntilRequest
} from '@theia/core/shared/vscode-languageserver-protocol';
import { MonacoEditor } from '@theia/monaco/lib/browser/monaco-editor';
import { SaveParticipant } from '@theia/monaco/lib/browser/monaco-editor-provider';
import { LanguageServers } from './language-servers';

/** Gives a server that wants it the last word on what is saved. */
@injectable()
export class WillSaveParticipant implements SaveParticipant {

    @inject(LanguageServers)
    protected readonly servers: LanguageServers;

    /** After formatting, which has 1000. */
    readonly order = 2000;

    async applyChangesOnSave(editor: MonacoEditor, token: CancellationToken, options?: SaveOptions): Promise<void> {
        const { uri, languageId } = editor.document;
        const session = this.servers.get(languageId)?.ready;
        if (!session || !uri.startsWith('file:')) {
            return;
        }
        const { willSave, willSaveWaitUntil } = session.documents.options;
        const params: WillSaveTextDocumentParams = { textDocument: { uri }, reason: options?.saveReason ?? SaveReason.Manual };
        if (willSave) {
            session.connection.sendNotification(WillSaveTextDocumentNotification.type, params);
        }
        if (willSaveWaitUntil) {
            const edits = await session.ask(WillSaveTextDocumentWaitUntilRequest.type, params, token);
            if (edits?.length) {
                editor.executeEdits(edits);
            }
        }
    }
}
