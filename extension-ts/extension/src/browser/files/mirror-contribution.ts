import { FrontendApplicationContribution } from '@theia/core/lib/browser/frontend-application-contribution';
import { MessageService } from '@theia/core/lib/common/message-service';
import { nls } from '@theia/core/lib/common/nls';
import { QuickInputService } from '@theia/core/lib/common/quick-pick-service';
import { inject, injectable } from '@theia/core/shared/inversify';
import debounce = require('@theia/core/shared/lodash.debounce');
import { DiffService } from '@theia/workspace/lib/browser/diff-service';
import { MirrorConflict, MirrorRefusal } from '../../common/protocol.generated';
import { BridgeConnection } from '../connection/bridge-connection';
import { toUri } from './file-paths';

/** Milliseconds in which news are gathered. */
const GATHER_TIME = 500;
/** As many have a message each; more have one together. */
const SINGLE = 2;

/** News of files, the newest of each, that are told together. */
class Gathered<T extends { path: string }> {

    protected readonly untold = new Map<string, T>();
    protected readonly tellSoon = debounce(() => {
        const news = [...this.untold.values()];
        this.untold.clear();
        if (news.length <= SINGLE) {
            news.forEach(this.tellOne);
        } else {
            this.tellAll(news);
        }
    }, GATHER_TIME, { maxWait: 4 * GATHER_TIME });

    constructor(protected readonly tellOne: (news: T) => void, protected readonly tellAll: (news: T[]) => void) { }

    add(news: T): void {
        this.untold.set(news.path, news);
        this.tellSoon();
    }
}

/** Tells what the mirror between files and the workspace's disk cannot decide or do; shows both texts of a conflict. */
@injectable()
export class MirrorContribution implements FrontendApplicationContribution {

    @inject(BridgeConnection)
    protected readonly connection: BridgeConnection;

    @inject(MessageService)
    protected readonly messages: MessageService;

    @inject(QuickInputService)
    protected readonly quickInput: QuickInputService;

    @inject(DiffService)
    protected readonly diffs: DiffService;

    onStart(): void {
        const conflicts = new Gathered<MirrorConflict>(conflict => this.tellConflict(conflict), all => this.tellConflicts(all));
        const refusals = new Gathered<MirrorRefusal>(refusal => this.tellRefusal(refusal), all => this.tellRefusals(all));
        this.connection.onNotification('mirror.didConflict', conflict => conflicts.add(conflict));
        this.connection.onNotification('mirror.didRefuse', refusal => refusals.add(refusal));
    }

    protected async tellConflict(conflict: MirrorConflict): Promise<void> {
        const compare = nls.localizeByDefault('Compare');
        const chosen = await this.messages.warn(
            nls.localize('theia-bridge/mirror/conflict', '{0} was changed in the IDE and by a program at once. The older text is kept as {1}.',
                toUri(conflict.path).path.base, toUri(conflict.kept).path.base),
            { timeout: 0 }, compare
        );
        if (chosen === compare) {
            await this.compare(conflict);
        }
    }

    protected async tellConflicts(conflicts: MirrorConflict[]): Promise<void> {
        const show = nls.localize('theia-bridge/mirror/show', 'Show Them');
        const chosen = await this.messages.warn(
            nls.localize('theia-bridge/mirror/conflicts', '{0} files were changed in the IDE and by programs at once. Of each, the older text is kept beside the newer one.',
                conflicts.length),
            { timeout: 0 }, show
        );
        if (chosen !== show) {
            return;
        }
        const items = conflicts.map(conflict => ({ label: toUri(conflict.path).path.base, description: conflict.path, conflict }));
        const picked = await this.quickInput.showQuickPick(items, {
            placeholder: nls.localize('theia-bridge/mirror/pick', 'File to compare with the text that is kept')
        });
        if (picked) {
            await this.compare(picked.conflict);
        }
    }

    protected async compare({ path, kept }: MirrorConflict): Promise<void> {
        const [newer, older] = [toUri(path), toUri(kept)];
        await this.diffs.openDiffEditor(older, newer, `${older.path.base} ↔ ${newer.path.base}`);
    }

    protected tellRefusal({ path, reason }: MirrorRefusal): void {
        this.messages.warn(nls.localize('theia-bridge/mirror/refusal', '{0} is not the same in the IDE and in the workspace: {1}', path, reason));
    }

    protected tellRefusals(refusals: MirrorRefusal[]): void {
        const [{ path, reason }] = refusals;
        this.messages.warn(nls.localize('theia-bridge/mirror/refusals', '{0} files are not the same in the IDE and in the workspace. The first is {1}: {2}',
            refusals.length, path, reason));
    }
}
