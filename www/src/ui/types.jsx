// Which types of connector there are: what Elastic's connector service knows, as suggestions.

const known = [
  "azure_blob_storage", "box", "confluence", "dir", "dropbox", "github", "gmail", "google_cloud_storage", "google_drive",
  "graphql", "jira", "microsoft_teams", "mongodb", "mssql", "mysql", "network_drive", "notion", "onedrive", "oracle", "outlook",
  "postgresql", "redis", "s3", "salesforce", "sandfly", "servicenow", "sharepoint_online", "sharepoint_server", "slack", "zoom",
];

/** The suggestions of an input with `list="service-types"`; `more` are in use here already. */
export const ServiceTypes = ({ more = [] }) => (
  <datalist id="service-types">
    {[...new Set([...more, ...known])].map((type) => <option key={type} value={type} />)}
  </datalist>
);
