package identity

// Organisation is who the support centre belongs to.
type Organisation struct {
	Name string `json:"name"` // "" until an administrator gives it
}

// OrganisationKey is the setting under which Organisation is kept.
const OrganisationKey = "organisation"
