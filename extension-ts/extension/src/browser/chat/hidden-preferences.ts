import {
    BYPASS_MODEL_REQUIREMENT_PREF, PERSISTED_SESSION_LIMIT_PREF, SESSION_STORAGE_PREF, aiChatPreferences
} from '@theia/ai-chat/lib/common/ai-chat-preferences';
import {
    PREFERENCE_NAME_MAX_RETRIES, PREFERENCE_NAME_SERVER_SIDE_COMPACTION, PREFERENCE_NAME_SERVER_SIDE_COMPACTION_TOKEN_THRESHOLD, aiCorePreferenceSchema
} from '@theia/ai-core/lib/common/ai-core-preferences';

/** Where chats are kept, and how many, is the server's affair; and what only models of a Node backend heed has no effect. */
const WITHOUT_EFFECT = [
    BYPASS_MODEL_REQUIREMENT_PREF, PERSISTED_SESSION_LIMIT_PREF, SESSION_STORAGE_PREF,
    PREFERENCE_NAME_MAX_RETRIES, PREFERENCE_NAME_SERVER_SIDE_COMPACTION, PREFERENCE_NAME_SERVER_SIDE_COMPACTION_TOKEN_THRESHOLD
];

/** Takes the settings that would mislead out of the settings view. To be called before the schemas are read. */
export function hidePreferencesWithoutEffect(): void {
    for (const { properties } of [aiChatPreferences, aiCorePreferenceSchema]) {
        for (const name of WITHOUT_EFFECT) {
            const property = properties[name];
            if (property) {
                property.hidden = true;
            }
        }
    }
}
