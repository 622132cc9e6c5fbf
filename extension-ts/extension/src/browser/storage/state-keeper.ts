import { CommonFrontendContribution } from '@theia/core/lib/browser/common-frontend-contribution';
import { FrontendApplication } from '@theia/core/lib/browser/frontend-application';
import { FrontendApplicationContribution } from '@theia/core/lib/browser/frontend-application-contribution';
import { FrontendApplicationStateService } from '@theia/core/lib/browser/frontend-application-state';
import { ShellLayoutRestorer } from '@theia/core/lib/browser/shell/shell-layout-restorer';
import debounce = require('@theia/core/shared/lodash.debounce');
import { inject, injectable } from '@theia/core/shared/inversify';
import { EditorNavigationContribution } from '@theia/editor/lib/browser/editor-navigation-contribution';
import { TaskFrontendContribution } from '@theia/task/lib/browser/task-frontend-contribution';

/** After an editor or view was opened or closed, in milliseconds. */
const SETTLE_TIME = 2_000;

/**
 * Saves when the page is left what Theia saves only when it is closed: layout, open editors and histories. So another
 * computer goes on with them while this page is still open, and none is lost with a browser that crashes.
 */
@injectable()
export class StateKeeper implements FrontendApplicationContribution {

    @inject(FrontendApplicationStateService)
    protected readonly state: FrontendApplicationStateService;

    @inject(ShellLayoutRestorer)
    protected readonly layout: ShellLayoutRestorer;

    @inject(CommonFrontendContribution)
    protected readonly commands: CommonFrontendContribution;

    @inject(EditorNavigationContribution)
    protected readonly navigation: EditorNavigationContribution;

    @inject(TaskFrontendContribution)
    protected readonly tasks: TaskFrontendContribution;

    onStart(application: FrontendApplication): void {
        // Before the layout is restored it must not be saved.
        this.state.reachedState('ready').then(() => this.keep(application));
    }

    protected keep(application: FrontendApplication): void {
        const save = (): void => this.save(application);
        const saveSoon = debounce(save, SETTLE_TIME);
        application.shell.onDidAddWidget(saveSoon);
        application.shell.onDidRemoveWidget(saveSoon);
        window.addEventListener('blur', save);
        document.addEventListener('visibilitychange', () => {
            if (document.visibilityState === 'hidden') {
                save();
            }
        });
    }

    /** What has not changed since it was saved last costs no request. */
    protected save(application: FrontendApplication): void {
        this.layout.storeLayout(application);
        this.commands.onStop();
        this.tasks.onStop();
        // When it is stopped it also stops listening, for good.
        this.navigation['storeState']();
    }
}
