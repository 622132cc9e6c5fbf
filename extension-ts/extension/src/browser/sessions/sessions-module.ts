import { FrontendApplicationContribution } from '@theia/core/lib/browser/frontend-application-contribution';
import { TabBarToolbarContribution } from '@theia/core/lib/browser/shell/tab-bar-toolbar';
import { bindViewContribution } from '@theia/core/lib/browser/shell/view-contribution';
import { WidgetFactory } from '@theia/core/lib/browser/widget-manager';
import { WindowTitleService } from '@theia/core/lib/browser/window/window-title-service';
import { CommandContribution } from '@theia/core/lib/common/command';
import { interfaces } from '@theia/core/shared/inversify';
import { QuickOpenWorkspace } from '@theia/workspace/lib/browser/quick-open-workspace';
import { BridgeQuickOpenWorkspace } from './bridge-quick-open-workspace';
import { SessionGoneContribution } from './session-gone-contribution';
import { SessionOpener } from './session-opener';
import { SessionPicker } from './session-picker';
import { BridgeWindowTitleService, SessionTitleContribution } from './session-title';
import { SessionsContribution } from './sessions-contribution';
import { SessionsService } from './sessions-service';
import { SessionsWidget } from './sessions-widget';

export function bindSessions(bind: interfaces.Bind, rebind: interfaces.Rebind): void {
    bind(SessionsService).toSelf().inSingletonScope();
    bind(SessionOpener).toSelf().inSingletonScope();
    bind(SessionPicker).toSelf().inSingletonScope();
    bind(SessionsWidget).toSelf();
    bind(WidgetFactory).toDynamicValue(({ container }) => ({
        id: SessionsWidget.ID, createWidget: () => container.get(SessionsWidget)
    })).inSingletonScope();
    bindViewContribution(bind, SessionsContribution);
    bind(TabBarToolbarContribution).toService(SessionsContribution);
    bind(SessionTitleContribution).toSelf().inSingletonScope();
    bind(SessionGoneContribution).toSelf().inSingletonScope();
    bind(CommandContribution).toService(SessionGoneContribution);
    for (const contribution of [SessionOpener, SessionsContribution, SessionTitleContribution, SessionGoneContribution]) {
        bind(FrontendApplicationContribution).toService(contribution);
    }
    bind(BridgeWindowTitleService).toSelf().inSingletonScope();
    rebind(WindowTitleService).toService(BridgeWindowTitleService);
    rebind(QuickOpenWorkspace).to(BridgeQuickOpenWorkspace).inSingletonScope();
}
