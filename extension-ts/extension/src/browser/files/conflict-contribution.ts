import { DiffService } from '@theia/workspace/lib/browser/diff-service';
import { FrontendApplicationContribution } from '@theia/core/lib/browser/frontend-application-contribution';
import { MessageService } from '@theia/core/lib/common/message-service';
import { nls } from '@theia/core/lib/common/nls';
import { QuickInputService } from '@theia/core/lib/common/quick-pick-service';
import { inject, injectable } from '@theia/core/shared/inversify';
import debounce = require('@theia/core/shared/lodash.debounce');
import { MirrorConflict } from '../../common/protocol.generated';
import { BridgeConnection } from '../connection/bridge-connection';
import { toUri } from './file-paths';

/** Milliseconds in which conflicts are gathered. */
const GATHER_TIME = 500;
/** As many have a message each; more have one together. */
const SINGLE = 2;

/** Tells that a file was changed in the editor and by a program at once, and shows both texts. */
@injectable()
export class ConflictContribution implements FrontendApplicationContribution {

    @inject(BridgeConnection)
    protected readonly connection: BridgeConnection;

    @inject(MessageService)
    protected readonly messages: MessageService;

    @inject(QuickInputService)
    protected readonly quickInput: QuickInputService;

    @inject(DiffService)
    protected readonly diffs: DiffService;

    /** Not told yet, the newest of each file. */
    protected readonly untold = new Map<string, MirrorConflict>();
    protected readonly tellSoon = debounce(() => this.tell(), GATHER_TIME, { maxWait: 4 * GATHER_TIME });

    onStart(): void {
        this.connection.onNotification('mirror.didConflict', conflict => {
            this.untold.set(conflict.path, conflict);
            this.tellSoon();
        });
    }

    protected tell(): void {
        const conflicts = [...this.untold.values()];
        this.untold.clear();
        if (conflicts.length <= SINGLE) {
            conflicts.forEach(conflict => this.tellOne(conflict));
        } else {
            this.tellAll(conflicts);
        }
    }

    protected async tellOne(conflict: MirrorConflict): Promise<void> {
        const compare = nls.localizeByDefault('Compare');
        const chosen = await this.messages.warn(
            nls.localize('theia-bridge/conflict/one', '{0} was changed in the IDE and by a program at once. The older text is kept as {1}.',
                toUri(conflict.path).path.base, toUri(conflict.kept).path.base),
            { timeout: 0 }, compare
        );
        if (chosen === compare) {
            await this.compare(conflict);
        }
    }

    protected async tellAll(conflicts: MirrorConflict[]): Promise<void> {
        const show = nls.localize('theia-bridge/conflict/show', 'Show Them');
        const chosen = await this.messages.warn(
            nls.localize('theia-bridge/conflict/many', '{0} files were changed in the IDE and by programs at once. Of each, the older text is kept beside the newer one.',
                conflicts.length),
            { timeout: 0 }, show
        );
        if (chosen !== show) {
            return;
        }
        const items = conflicts.map(conflict => ({ label: toUri(conflict.path).path.base, description: conflict.path, conflict }));
        const picked = await this.quickInput.showQuickPick(items, {
            placeholder: nls.localize('theia-bridge/conflict/pick', 'File to compare with the text that is kept')
        });
        if (picked) {
            await this.compare(picked.conflict);
        }
    }

    protected async compare({ path, kept }: MirrorConflict): Promise<void> {
        const [newer, older] = [toUri(path), toUri(kept)];
        await this.diffs.openDiffEditor(older, newer, `${older.path.base} ↔ ${newer.path.base}`);
    }
}
