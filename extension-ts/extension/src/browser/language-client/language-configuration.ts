import { Event } from '@theia/core/lib/common/event';
import { PreferenceScope } from '@theia/core/lib/common/preferences/preference-scope';
import { PreferenceChanges, PreferenceProviderProvider, PreferenceService } from '@theia/core/lib/common/preferences/preference-service';
import { JSONObject, JSONValue } from '@theia/core/shared/@lumino/coreutils';
import { inject, injectable } from '@theia/core/shared/inversify';

/** Each scope takes precedence over those before it. */
const SCOPES = [PreferenceScope.Default, PreferenceScope.User, PreferenceScope.Workspace, PreferenceScope.Folder, PreferenceScope.Session];

/** The settings as language servers ask for them: by section, also those that the IDE has no description of. */
@injectable()
export class LanguageConfiguration {

    @inject(PreferenceService)
    protected readonly preferences: PreferenceService;

    @inject(PreferenceProviderProvider)
    protected readonly providers: PreferenceProviderProvider;

    get onDidChange(): Event<PreferenceChanges> {
        return this.preferences.onPreferencesChanged;
    }

    /**
     * What is set in a section, as one object: of `ruff`, that is `{ lint: { select } }` for a setting `ruff.lint.select`.
     *
     * @returns null where nothing is set.
     */
    get(section: string, resource?: string): JSONValue {
        let found: JSONValue = null;
        for (const [name, value] of Object.entries(this.all(resource))) {
            if (name === section) {
                found = merge(found, value!);
            } else if (name.startsWith(`${section}.`)) {
                const path = name.slice(section.length + 1).split('.');
                found = merge(found, path.reduceRight<JSONValue>((inner, part) => ({ [part]: inner }), value!));
            }
        }
        return found;
    }

    protected all(resource?: string): JSONObject {
        return Object.assign({}, ...SCOPES.map(scope => this.providers(scope)?.getPreferences(resource) ?? {})) as JSONObject;
    }
}

function merge(one: JSONValue, other: JSONValue): JSONValue {
    if (!isObject(one) || !isObject(other)) {
        return other;
    }
    return Object.entries(other).reduce<JSONObject>(
        (merged, [name, value]) => ({ ...merged, [name]: name in merged ? merge(merged[name]!, value!) : value }), one
    );
}

function isObject(value: JSONValue): value is JSONObject {
    return typeof value === 'object' && value !== null && !Array.isArray(value);
}
