locals {
  labels = {
    application = "{{ label_application }}"
    environment = "{{ label_environment }}"
    managed-by  = "terraform"
  }
{% if service %}

{% if delivery.image_default %}
{% if delivery.upstream %}
  # Cloud Run pulls from Artifact Registry, which fetches what is kept elsewhere.
  upstream_images = "${var.region}-docker.pkg.dev/${var.project_id}/${google_artifact_registry_repository.upstream.repository_id}"

{% endif %}
  image = coalesce(var.image, "{% if delivery.upstream %}${local.upstream_images}/{% endif %}{{ delivery.image_default }}")
{% else %}
  image = var.image
{% endif %}

  # What the application is told; Cloud Run adds PORT.
  environment = {
{% for one in service.variables %}
    {{ one.name }} = "{{ one.value }}"
{% endfor %}
{% for bucket in buckets %}
    {{ bucket.variable }} = "gs://${google_storage_bucket.application["{{ bucket.key }}"].name}"
{% endfor %}
{% if sessions %}
    SESSIONS_URL = "firestore://${var.project_id}/${google_firestore_database.sessions.name}/{{ sessions.collection }}"
{% endif %}
{% if chat_is_own %}
    CHAT_BASE_URL = "https://${var.region}-aiplatform.googleapis.com/v1/projects/${var.project_id}/locations/${var.region}/endpoints/openapi"
{% endif %}
  }

{% if service.secrets or database or cache %}
  # Variables whose values are secrets: the secret, and which version of it.
  secret_environment = {
{% if service.secrets %}
    # Given by hand at any time: an instance takes the newest when it starts.
{% endif %}
{% for one in service.secrets %}
    {{ one.name }} = {
      secret  = google_secret_manager_secret.application["{{ one.secret }}"].secret_id
      version = "latest"
    }
{% endfor %}
{% if database %}
    # A fixed version: a new password is a new revision, never a surprise at the next start.
    DATABASE_URL = {
      secret  = google_secret_manager_secret.database_url.secret_id
      version = google_secret_manager_secret_version.database_url.version
    }
{% endif %}
{% if cache %}
    CACHE_URL = {
      secret  = google_secret_manager_secret.cache_url.secret_id
      version = google_secret_manager_secret_version.cache_url.version
    }
    CACHE_CA_CERTIFICATE = {
      secret  = google_secret_manager_secret.cache_authority.secret_id
      version = google_secret_manager_secret_version.cache_authority.version
    }
{% endif %}
  }
{% else %}
  secret_environment = {}
{% endif %}
{% endif %}
}
