// The names of service types that Elastic's connector service knows.

/** @type {Record<string, string>} */
const known = {
  azure_blob_storage: "Azure Blob Storage",
  box: "Box",
  confluence: "Confluence",
  dir: "Directory",
  dropbox: "Dropbox",
  github: "GitHub",
  gmail: "Gmail",
  google_cloud_storage: "Google Cloud Storage",
  google_drive: "Google Drive",
  graphql: "GraphQL",
  jira: "Jira",
  microsoft_teams: "Microsoft Teams",
  mongodb: "MongoDB",
  mssql: "Microsoft SQL Server",
  mysql: "MySQL",
  network_drive: "Network drive",
  notion: "Notion",
  onedrive: "OneDrive",
  oracle: "Oracle",
  outlook: "Outlook",
  postgresql: "PostgreSQL",
  redis: "Redis",
  s3: "Amazon S3",
  salesforce: "Salesforce",
  sandfly: "Sandfly",
  servicenow: "ServiceNow",
  sharepoint_online: "SharePoint Online",
  sharepoint_server: "SharePoint Server",
  slack: "Slack",
  zoom: "Zoom",
};

export const knownTypes = Object.keys(known);

/** The name of a type. An unknown type is its own name.
 * @param {string} type */
export const typeName = (type) => (Object.hasOwn(known, type) ? known[type] : type);
