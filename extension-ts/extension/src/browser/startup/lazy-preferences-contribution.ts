import { interfaces } from '@theia/core/shared/inversify';
import { PreferencesContribution } from '@theia/preferences/lib/browser/preferences-contribution';
import { PreferencesWidget } from '@theia/preferences/lib/browser/views/preference-widget';

/**
 * Theia's contribution for the settings view, without the view until it is needed: it is injected with one, which draws
 * every setting while the IDE starts.
 */
export function lazyPreferencesContribution({ container }: interfaces.Context): PreferencesContribution {
    const view = () => container.get(PreferencesWidget);
    const used: Pick<PreferencesWidget, 'currentScope' | 'setScope'> = {
        get currentScope() {
            return view().currentScope;
        },
        setScope: scope => view().setScope(scope)
    };
    const own = container.createChild();
    own.bind(PreferencesWidget).toConstantValue(used as PreferencesWidget);
    own.bind(PreferencesContribution).toSelf();
    return own.get(PreferencesContribution);
}
