import { CommonCommands } from '@theia/core/lib/browser/common-commands';
import { CommonMenus } from '@theia/core/lib/browser/common-menus';
import { FrontendApplicationContribution } from '@theia/core/lib/browser/frontend-application-contribution';
import { Command, CommandContribution, CommandRegistry } from '@theia/core/lib/common/command';
import { MenuContribution, MenuModelRegistry } from '@theia/core/lib/common/menu';
import { SelectionService } from '@theia/core/lib/common/selection-service';
import { inject, injectable } from '@theia/core/shared/inversify';
import { FileSelection } from '@theia/filesystem/lib/browser/file-selection';
import { NAVIGATOR_CONTEXT_MENU } from '@theia/navigator/lib/browser/navigator-contribution';
import { BridgeUploadService } from './bridge-upload-service';
import { isServed } from './file-paths';

export namespace UploadCommands {
    export const UPLOAD_FOLDER: Command = Command.toLocalizedCommand({
        id: 'theia-bridge.upload-folder',
        category: CommonCommands.FILE_CATEGORY,
        label: 'Upload Folder...'
    }, 'theia-bridge/upload/folder', CommonCommands.FILE_CATEGORY_KEY);
}

/** Offers the upload of a folder wherever Theia offers that of files, and asks before the page is left amid uploads. */
@injectable()
export class UploadContribution implements FrontendApplicationContribution, CommandContribution, MenuContribution {

    @inject(BridgeUploadService)
    protected readonly uploads: BridgeUploadService;

    @inject(SelectionService)
    protected readonly selectionService: SelectionService;

    onWillStop(): boolean | undefined {
        return this.uploads.isRunning || undefined;
    }

    registerCommands(commands: CommandRegistry): void {
        commands.registerCommand(UploadCommands.UPLOAD_FOLDER, new FileSelection.CommandHandler(this.selectionService, {
            multi: false,
            isEnabled: ({ fileStat }) => isServed(fileStat.resource),
            execute: ({ fileStat }) => this.uploads.uploadFolder(fileStat.isDirectory ? fileStat.resource : fileStat.resource.parent)
        }));
    }

    registerMenus(menus: MenuModelRegistry): void {
        for (const menu of [NAVIGATOR_CONTEXT_MENU, CommonMenus.FILE]) {
            const group = menu === CommonMenus.FILE ? '4_downloadupload' : '6_downloadupload';
            menus.registerMenuAction([...menu, group], { commandId: UploadCommands.UPLOAD_FOLDER.id, order: 'a1' });
        }
    }
}
