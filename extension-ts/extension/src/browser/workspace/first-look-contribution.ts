import { FrontendApplicationContribution } from '@theia/core/lib/browser/frontend-application-contribution';
import { ViewContainer } from '@theia/core/lib/browser/view-container';
import { WidgetManager } from '@theia/core/lib/browser/widget-manager';
import { inject, injectable } from '@theia/core/shared/inversify';
import { FileNavigatorContribution } from '@theia/navigator/lib/browser/navigator-contribution';
import { EXPLORER_VIEW_CONTAINER_ID } from '@theia/navigator/lib/browser/navigator-widget-factory';

/** Pixels of a part of the explorer that is opened for the first time; Theia would give it two rows. */
const PART_SIZE = 240;

/** A first visit shows the files; Theia makes the explorer but leaves its side bar collapsed. */
@injectable()
export class FirstLookContribution implements FrontendApplicationContribution {

    @inject(FileNavigatorContribution)
    protected readonly navigator: FileNavigatorContribution;

    @inject(WidgetManager)
    protected readonly widgets: WidgetManager;

    protected firstVisit = false;

    /** Called only where there is no layout to restore. */
    initializeLayout(): void {
        this.firstVisit = true;
    }

    onDidInitializeLayout(): void {
        if (this.firstVisit) {
            this.navigator.openView({ reveal: true });
        }
        this.giveRoom();
    }

    protected async giveRoom(): Promise<void> {
        const explorer = await this.widgets.getWidget(EXPLORER_VIEW_CONTAINER_ID);
        if (explorer instanceof ViewContainer) {
            const give = (): void => explorer.getParts().forEach(part => { part.uncollapsedSize ??= PART_SIZE; });
            give();
            explorer.onDidChangeTrackableWidgets(give);
        }
    }
}
