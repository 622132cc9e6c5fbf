import { FrontendApplicationContribution } from '@theia/core/lib/browser/frontend-application-contribution';
import { inject, injectable } from '@theia/core/shared/inversify';
import { FileNavigatorContribution } from '@theia/navigator/lib/browser/navigator-contribution';

/** A first visit shows the files; Theia makes the explorer but leaves its side bar collapsed. */
@injectable()
export class FirstLookContribution implements FrontendApplicationContribution {

    @inject(FileNavigatorContribution)
    protected readonly navigator: FileNavigatorContribution;

    protected firstVisit = false;

    /** Called only where there is no layout to restore. */
    initializeLayout(): void {
        this.firstVisit = true;
    }

    onDidInitializeLayout(): void {
        if (this.firstVisit) {
            this.navigator.openView({ reveal: true });
        }
    }
}
