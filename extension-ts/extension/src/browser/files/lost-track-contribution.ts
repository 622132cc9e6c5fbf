import { FrontendApplicationContribution } from '@theia/core/lib/browser/frontend-application-contribution';
import { inject, injectable } from '@theia/core/shared/inversify';
import { EditorManager } from '@theia/editor/lib/browser/editor-manager';
import { FileChangeType } from '@theia/filesystem/lib/common/files';
import { FileNavigatorContribution } from '@theia/navigator/lib/browser/navigator-contribution';
import { BridgeFileSystemServer } from './bridge-file-system-server';
import { isServed, toPath } from './file-paths';

/** After changes were missed, looks again at all that is shown. */
@injectable()
export class LostTrackContribution implements FrontendApplicationContribution {

    @inject(BridgeFileSystemServer)
    protected readonly files: BridgeFileSystemServer;

    @inject(EditorManager)
    protected readonly editors: EditorManager;

    @inject(FileNavigatorContribution)
    protected readonly navigator: FileNavigatorContribution;

    onStart(): void {
        this.files.onDidLoseTrack(folder => {
            const shown = this.editors.all.map(({ editor }) => editor.uri).filter(isServed);
            this.files.reportChanges([folder, ...shown.map(uri => toPath(uri.toString()))].map(path => ({ type: FileChangeType.UPDATED, path })));
            this.navigator.tryGetWidget()?.model.refresh();
        });
    }
}
